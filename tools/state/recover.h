/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_RECOVER_H
#define BERTH_STATE_RECOVER_H
/*
 * `berth recover` ends all runs of a user, by force if they do not react, removes what they left,
 * and looks for leftovers.
 */
#include <stdbool.h>

#include "tools/base/str.h"
#include "tools/state/state.h"

struct recovery {
	char **ids;       /* of all runs, dead ones included; strv */
	char **actions;   /* strv of lines like "run 7f3a: sent SIGTERM to supervisor 4711" */
	char **leftovers; /* the same, for what still exists */
};

/**
 * End one live run in the same steps, and remove what it left.
 * Return: 0; -ETIMEDOUT a process of it still holds its lock; -errno.
 */
int recover_one(const struct run_state *run);

/**
 * End every live run of this user in dir_runtime(), and remove what all runs left. It takes up to
 * half a minute if a supervisor does not react. Do not call it inside a worker: it would end its
 * caller.
 * @dry_run	only list what would be done
 * Return: 0, also with leftovers; -errno if the runs cannot be listed.
 */
int recover_runs(bool dry_run, struct recovery *ret_recovery);
void recovery_free(struct recovery *recovery);

#endif
