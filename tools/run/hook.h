/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_HOOK_H
#define BERTH_RUN_HOOK_H
/*
 * `--hook COMMAND`: a command of the user's for each finding, to notify somebody. It cannot fail the run, nor hold it up for
 * longer than a few seconds at its end.
 */
#include "tools/run/run.h"

struct hook;

/** @return NULL if no hook was asked for; hook_tell(NULL) and hook_close(NULL) are fine. */
struct hook *hook_open(const struct run *run);

/** One more finding. Notes, what the baseline knows, and what was told already are passed over. */
void hook_tell(struct hook *hook, const struct watch_finding *finding);

/** Wait for what is under way and for what still waits, until the deadline. */
void hook_close(struct hook *hook);

#endif
