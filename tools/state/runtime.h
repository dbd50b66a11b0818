/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_RUNTIME_H
#define BERTH_STATE_RUNTIME_H
/* A run's id, its directories outside the project, and the locks that show that it is alive. */
#include <stdbool.h>
#include <stdint.h>

/**
 * Make a run's directory of run-time files, locked. Its id is new among the runs with run-time
 * files beside it, with cgroups beside ours, and with results in @results_dir.
 * @ret_id	the caller's to free, as is *ret_dir
 * @ret_lock	a descriptor; the run is alive as long as a process holds a copy
 * Return: 0; -errno.
 */
int runtime_make(const char *results_dir, char **ret_id, char **ret_dir, int *ret_lock);

/** True if @name has the form of a run's id. */
bool runtime_is_id(const char *name);

/**
 * The scratch directory, for trees and temporary files, on a disk, because trees may be large. The
 * supervisor writes the path into state.json before it makes the directory, so that `berth reap`
 * finds it after a crash. Only its owner can find it: other users cannot search that of a plain
 * user, and root's has a secret in its name (file_secret_path()), because a worker of root may
 * change its user and must still reach its tree.
 * @ret_dir	a path that does not exist, the caller's to free
 * Return: 0; -EIO without random numbers.
 */
int runtime_scratch(const char *run_id, char **ret_dir);
int runtime_make_scratch(const char *dir);
int runtime_remove_scratch(const char *dir);

/** True if runtime_scratch() may have chosen @path. Check it before deleting what a file names. */
bool runtime_is_scratch(const char *run_id, const char *path);

/** A lock of the supervisor and the init processes of its workers. Return: a descriptor; -errno. */
int runtime_lock_inits(const char *dir);

/** Wait until no process holds that lock. Return: 0; -ETIMEDOUT. */
int runtime_wait_inits(const char *dir, int64_t timeout_ms);

/** True if no process holds the lock of run @run_id, or if it has no run-time files. */
bool runtime_is_dead(const char *run_id);

/** Remove the directories of runs that died before they had an id. */
void runtime_sweep(void);

#endif
