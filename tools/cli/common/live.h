/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_LIVE_H
#define BERTH_CLI_LIVE_H
/* Find the live run that a verb is about. */
#include "tools/cli/settings/cli.h"
#include "tools/state/state.h"

/**
 * Find a run by its id or the name of its environment, or (NULL) the only live run. Of several,
 * that of this project.
 * Return: 0 and *ret_run, for state_free(); -ENOENT; -ESRCH for a dead run; -ENOTUNIQ; -errno.
 */
int live_find(const char *id, struct run_state *ret_run);

/**
 * Find a worker of a live run, and print why there is none.
 * @run_id	NULL = the caller's own run, else as live_find()
 * @name	"2", "w2", "7f3a.2", its task, an environment; NULL = our own, or the only one
 * Return: 0, *ret_run for state_free() and *ret_worker in it; 1 no such run is live; EXIT_USAGE.
 */
int live_worker(const char *run_id, const char *name, struct run_state *ret_run,
                const struct state_worker **ret_worker);

/**
 * Take the run off a name like "7f3a.2".
 * @name	NULL = none
 * Return: the run, the caller's to free; NULL = it names none.
 */
char *live_run_of(const char **name);

/** The argument NAME of a verb says the same as -w NAME. */
void live_take_name(struct cli *cli);

/**
 * The default name of an environment: the branch of the git work tree, else the name of its
 * directory, with other characters than those of names replaced by "-".
 * Return: the caller's to free.
 */
char *live_default_name(void);

/** Print an error of live_find() and a hint. Return: the exit status. */
int live_missing(const char *id, int error);

#endif
