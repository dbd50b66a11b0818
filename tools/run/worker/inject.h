/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_INJECT_H
#define BERTH_RUN_WORKER_INJECT_H
/*
 * `--inject FAULT`: a failure on purpose at a given time, to see whether a suite notices and
 * recovers. It touches only what belongs to the worker: connections to its real ports, and the
 * processes that serve them.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "core/portmap.h"
#include "tools/base/loop.h"
#include "tools/run/options.h"

struct inject;

struct inject_setup {
	struct loop *loop;
	const struct run_faults *faults;
	unsigned int workers;
	bool (*needs_process)(void *arg, pid_t pid); /* never to be stopped or killed */
	void *arg;
	/* @hit: how many connections or processes; @detail: the same in words, or why none */
	void (*on_fault)(void *fault_arg, unsigned int worker, const char *fault, int hit,
	                 const char *detail);
	void *fault_arg;
};

struct inject *inject_open(const struct inject_setup *setup);
void inject_close(struct inject *inject);

/** The time of the worker's faults begins. @map: NULL if it has none. */
void inject_worker_started(struct inject *inject, unsigned int worker, struct berth_portmap *map);

/** No more faults for this worker; stopped processes continue. */
void inject_worker_exited(struct inject *inject, unsigned int worker);

#endif
