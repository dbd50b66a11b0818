/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_RECOVER_H
#define BERTH_STATE_RECOVER_H
/*
 * `berth recover`: for when things are in a state that nobody understands. What a run would do by itself at its end is
 * asked for, then insisted on, then done in its stead; at last it is looked whether anything is left.
 */
#include <stdbool.h>

#include "tools/base/str.h"

struct recovery {
	char **ids; /* of the runs that there were, dead ones included; strv */
	/* strv, a line for people each: "run 7f3a: ended supervisor 4711 with SIGTERM" */
	char **did;
	char **left; /* the same, of what is still there */
};

/**
 * End every live run of this user that keeps its run-time files where ours would be, and remove what is left of all of
 * them. May take half a minute for a run that does not want to end.
 * @dry_run	only say what would be done
 * Must not be called inside a worker: it would end its caller.
 * Return: 0, also if there was nothing or something is left; -errno if the runs cannot be listed.
 */
int run_recover(bool dry_run, struct recovery *ret_recovery);
void run_recovery_free(struct recovery *recovery);

#endif
