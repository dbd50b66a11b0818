/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_ORPHANS_H
#define BERTH_RUN_WORKER_ORPHANS_H
/*
 * Processes that became children of the supervisor, which is a child subreaper: those of a worker
 * whose worker init was killed, or those of a server.
 */
#include <stdbool.h>
#include <sys/types.h>

/**
 * Kill them, and all below them, until none is left; at most 3 s.
 * @worker	only processes of this worker of run @run_id; 0 = all
 * @is_needed	spares processes of the run itself, with all below them
 */
void orphans_kill(const char *run_id, unsigned int worker, bool (*is_needed)(void *arg, pid_t pid),
                  void *arg);

#endif
