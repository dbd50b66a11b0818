/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_OWNER_H
#define BERTH_PROCESS_OWNER_H
/*
 * Which run and worker a process belongs to, by its environment, which children inherit. Cgroups
 * and the process tree are safer; this is for processes that neither of them reaches.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "tools/process/family.h"

/* Strings of a process's environment; NULL: not set. */
struct proc_owner {
	const char *run, *worker, *task;
	const char *map_path;  /* of its port map, or of the shim's view of it */
	const char *mark_path; /* of the run's FIFO for marks */
	const char *slot;      /* "TEST_PARALLEL_INDEX=3": below a worker process of Playwright */
	char *text;            /* holds the strings */
};

/** Read its environment; @dir is /proc/PID, open. Return: 0, then owner_free(); -errno. */
int owner_read(pid_t pid, struct proc_owner *ret_owner);
int owner_read_at(int dir, struct proc_owner *ret_owner);
void owner_free(struct proc_owner *owner);
#define cleanup_owner __attribute__((cleanup(owner_free)))

/** True if process @pid says that it belongs to worker @worker of run @run_id. */
bool owner_is(pid_t pid, const char *run_id, unsigned int worker);

/**
 * The run that the calling process is part of.
 * @ret_worker	the number of its worker; 0 = not known; may be NULL
 * Return: the id of the run; NULL outside of a run.
 */
const char *owner_of_self(unsigned int *ret_worker);

/**
 * Find all processes of this user that say they belong to run @run_id. It reads all of /proc: for
 * runs whose supervisor is dead.
 * @run_dir	the run's run-time files; skips processes of another run with the same id elsewhere
 */
void owner_find(const char *run_id, const char *run_dir, struct pids *ret_pids);

#endif
