/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_LIVE_H
#define BERTH_CLI_LIVE_H
/* Which live run a verb means. */
#include "tools/state/state.h"

/**
 * The live run @id; without one (NULL) the only live run, or the only one of the project that we are in.
 * Return: 0 and *ret_run, the caller's to free; -ENOENT; -ESRCH it is dead; -ENOTUNIQ; -errno.
 */
int live_find(const char *id, struct run_state *ret_run);

/** Say that there is none, and how to find one. Return: the exit status. */
int live_missing(const char *id, int error);

#endif
