/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PORTS_ALLOCATED_H
#define BERTH_PORTS_ALLOCATED_H
/*
 * allocated-ports.json lists the ports that live runs of a project have, for people and scripts. It
 * is a JSON array with one object for each virtual port of a worker. All runs of the project share
 * the file.
 *
 * Functions return 0 or -errno; nothing here prints.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/portmap.h"

struct allocated_port {
	const char *task;
	unsigned int worker;
	enum berth_proto proto;
	uint16_t virtual_port, real_port;
	pid_t pid; /* the worker's command */
};

struct allocated_run {
	const char *dir; /* of allocated-ports.json; exists */
	const char *run_id;
	const char *project;
	int64_t since_ns; /* CLOCK_REALTIME */
};

enum { ALLOCATED_STALE_S = 2 * 60 * 60 };

/**
 * Replace the entries of @run by @ports, and remove those of dead runs: their heartbeat is older
 * than ALLOCATED_STALE_S, or @is_dead says so.
 * Return: 0; -ETIMEDOUT another run keeps the lock too long; -errno.
 */
int allocated_put(const struct allocated_run *run, const struct allocated_port *ports, size_t count,
                  bool (*is_dead)(const char *run_id));

/* The virtual ports of @map as entries, the caller's to free. Return: their number. */
size_t allocated_of_map(const struct berth_portmap *map, const char *task, pid_t pid,
                        struct allocated_port **ret_ports);

#endif
