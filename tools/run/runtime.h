/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_RUNTIME_H
#define BERTH_RUN_RUNTIME_H
/* The two directories of a run outside of the project, and how a run gets its name. */
#include <stdbool.h>

/**
 * A new run: an id that no live run of this user has, and its locked directory of run-time files.
 * @ret_lock	whoever holds a copy keeps the run alive
 */
int runtime_make(char **ret_id, char **ret_dir, int *ret_lock);

/** The directory for trees and temporary files: on a disk, for a tree may be large. May be the same as above. */
int runtime_scratch(const char *run_id, char **ret_dir);

/** True if @path is where runtime_scratch() would put something: what a state file says is not deleted unseen. */
bool runtime_is_scratch(const char *run_id, const char *path);

#endif
