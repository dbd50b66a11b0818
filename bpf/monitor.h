/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BPF_MONITOR_H
#define BERTH_BPF_MONITOR_H
/*
 * What the monitor's programs and tools/watch/monitor.c share beside core/abi.h. Both ends are built together and never
 * meet another version of themselves.
 */
#include "core/abi.h"

#define MONITOR_STACKS_MOST	16384u	/* creation stacks of live sockets */
#define MONITOR_EDGES_MOST	8192u	/* (worker, destination) pairs */

struct monitor_stack {
	uint32_t len, pid;
	struct berth_frame caller; /* as in struct berth_event */
	struct berth_frame frames[BERTH_STACK_MOST];
};

/* Who talks to whom: one entry per worker and destination, however many connections there are. */
struct monitor_edge_key {
	struct berth_ip remote;
	uint32_t worker;
	uint16_t remote_port;
	uint16_t family;
};
struct monitor_edge {
	uint64_t count, first_ns;
	uint32_t pid, reserved;
};

#endif
