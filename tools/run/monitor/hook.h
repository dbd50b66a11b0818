/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_MONITOR_HOOK_H
#define BERTH_RUN_MONITOR_HOOK_H
/*
 * `--hook COMMAND`: a command of the user's for each finding, to notify people. It cannot fail the
 * run, and cannot delay its end for more than a few seconds.
 */
#include "tools/base/loop.h"
#include "tools/watch/watch.h"

struct hook;

/** @command, @run_id: must live as long as the hook. */
struct hook *hook_open(struct loop *loop, const char *command, const char *run_id);

/** Call the command for @finding, once for each fingerprint. @hook: NULL is fine. */
void hook_call(struct hook *hook, const struct watch_finding *finding);

/** Wait for the calls that run or wait, until the deadline; print what failed. NULL is fine. */
void hook_close(struct hook *hook);

#endif
