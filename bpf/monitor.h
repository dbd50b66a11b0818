/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BPF_MONITOR_H
#define BERTH_BPF_MONITOR_H
/*
 * What the monitor's programs and tools/watch/source/monitor.c share beside core/abi.h. Both ends
 * are built together and never so no other version needs to be understood.
 */
#include "core/abi.h"

/*
 * The system calls of interest. tools/watch fills in their numbers, which differ between machines.
 */
/* clang-format off */
#define MONITOR_CALLS(CALL) \
	CALL(read) CALL(write) CALL(readv) CALL(writev) CALL(sendfile) CALL(socket) \
	CALL(connect) CALL(accept) CALL(sendto) CALL(recvfrom) CALL(sendmsg) CALL(recvmsg) \
	CALL(bind) CALL(listen) CALL(execve) CALL(accept4) CALL(recvmmsg) CALL(sendmmsg) \
	CALL(execveat)
/* clang-format on */
struct monitor_calls {
#define CALL(name) int32_t name;
	MONITOR_CALLS(CALL)
#undef CALL
};

#define MONITOR_STACKS_MAX 16384u /* creation stacks of live sockets */
#define MONITOR_PEERS_MAX  8192u  /* destinations that have been reported */

/*
 * What is known about a socket, in its storage. tools/watch/source/adopt.c makes it for a socket
 * that was open before the monitor.
 */
struct monitor_note {
	uint64_t cookie, opened_ns, close_wait_ns;
	uint32_t worker, pid;
	uint16_t local_port, remote_port;
	uint8_t family, proto, accepted, closed;
	uint8_t listening, bound, reserved[2];
	uint32_t snapshot; /* the last that listed it */
	struct berth_ip local, remote;
	char comm[BERTH_COMM];
};

struct monitor_stack {
	uint32_t len, pid;
	struct berth_frame caller; /* as in struct berth_event */
	struct berth_frame frames[BERTH_STACK_MAX];
};

/*
 * A worker and a destination, with any number of connections or datagrams between them. AF_UNIX:
 * .remote begins with the number of the process that listens.
 */
struct monitor_peer {
	struct berth_ip remote;
	uint32_t worker;
	uint16_t remote_port;
	uint8_t family;
	uint8_t proto;
};

#endif
