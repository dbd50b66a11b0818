/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_ORPHANS_H
#define BERTH_RUN_WORKER_ORPHANS_H
/*
 * Processes that became children of the supervisor, which is a child subreaper: those of a worker
 * whose worker init was killed, or those of a server.
 */
#include <stdbool.h>
#include <sys/types.h>

struct orphans {
	const char *run_id;
	unsigned int worker;                         /* only processes of this worker; 0 = all */
	bool (*needs_process)(void *arg, pid_t pid); /* these are spared, with all below them */
	void *arg;
};

/** Kill them, and all below them, until none is left; at most 3 s. */
void orphans_kill(const struct orphans *orphans);

#endif
