/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_RUNTIME_H
#define BERTH_STATE_RUNTIME_H
/* The two directories of a run outside of the project, and how a run gets its name. */
#include <stdbool.h>
#include <stdint.h>

/**
 * A new run: its id, and its locked directory of run-time files. Nobody who can be asked has the id: no run with run-time files
 * where ours are, none with a cgroup beside ours, and none of those whose results are in @results_dir.
 * @ret_lock	whoever holds a copy keeps the run alive
 */
int runtime_make(const char *results_dir, char **ret_id, char **ret_dir, int *ret_lock);

/** True if @name could be the id of a run. */
bool runtime_is_id(const char *name);

/**
 * Where the directory for trees and temporary files will be: on a disk, for a tree may be large. Its
 * name is the caller's to free; it is written down before it is made, or a crash could leave it unknown.
 */
char *runtime_scratch(const char *run_id);
int runtime_make_scratch(const char *dir);
int runtime_remove_scratch(const char *dir);

/** True if @path is where runtime_scratch() would put something: what a state file says is not deleted unseen. */
bool runtime_is_scratch(const char *run_id, const char *path);

/**
 * A lock that is shared by all who hold a copy of the descriptor, here the supervisor and its worker inits.
 * Return: the descriptor; -errno.
 */
int runtime_lock_inits(const char *dir);

/** Wait until they are all gone. Return: 0; -ETIMEDOUT. */
int runtime_wait_inits(const char *dir, int64_t most_ms);

/** Does nobody hold the lock of the run with this id? Also if it has no run-time files any more. */
bool runtime_is_dead(const char *run_id);

/** Remove directories of runs that died before they had a name. */
void runtime_sweep(void);

#endif
