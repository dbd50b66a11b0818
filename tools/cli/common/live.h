/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_LIVE_H
#define BERTH_CLI_LIVE_H
/* Find the live run that a verb is about. */
#include "tools/state/state.h"

/**
 * Find a run by its id, or (NULL) the only live run, or the only live run of this project.
 * Return: 0 and *ret_run, for state_free(); -ENOENT; -ESRCH for a dead run; -ENOTUNIQ; -errno.
 */
int live_find(const char *id, struct run_state *ret_run);

/** Print an error of live_find() and a hint. Return: the exit status. */
int live_missing(const char *id, int error);

#endif
