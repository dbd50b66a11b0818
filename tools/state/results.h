/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_RESULTS_H
#define BERTH_STATE_RESULTS_H
/*
 * The directory of a project's records: logs and trees of runs (runs/ID), history, ports. By
 * default it lies outside of the project, where no tool of the project meets it.
 */

/* How many runs keep their logs, and how many of those their trees, which may be large. */
#include <stdbool.h>

enum { RESULTS_RUNS_KEPT = 50, RESULTS_TREES_KEPT = 5 };

/**
 * The default directory: $XDG_STATE_HOME/berth/NAME-HASH of the project's real path. Without
 * XDG_STATE_HOME, ~/.local/state; if HOME is not a directory of ours that we can write,
 * /var/tmp/berth-state-UID, or /tmp/berth-state-UID.
 * @ret_parent	that of all projects, the caller's to free; may be NULL
 * @ret_no_home	true for the last of them; may be NULL
 * Return: the path, the caller's to free.
 */
char *results_default(const char *project_dir, char **ret_parent, bool *ret_no_home);

/**
 * Make the default directory for our user alone, and move to it PROJECT/.berth, where earlier
 * versions kept the results.
 * @ret_said	a line for the user, the caller's to free; NULL if there is nothing to say
 * Return: 0; -errno.
 */
int results_make_default(const char *project_dir, char **ret_said);

/** Return: the paths that a worker must not see, of records in @results_dir; a strv. */
char **results_hidden(const char *project_dir, const char *results_dir);

/** Remove the results of older runs but @own_id. Ignores errors: the next run tries again. */
void results_prune(const char *results_dir, const char *own_id);

/** Remove the default directories of projects that are gone since a month. Ignores errors. */
void results_sweep(void);

#endif
