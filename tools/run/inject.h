/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_INJECT_H
#define BERTH_RUN_INJECT_H
/*
 * `--inject FAULT`: trouble on purpose, at a time that is told, to see whether a suite notices and recovers. It touches what
 * belongs to the worker alone: connections to its real ports, and the processes that serve them.
 */
#include "tools/run/run.h"

void inject_worker_started(struct run_worker *worker); /* the clock of its faults begins */
void inject_worker_exited(struct run_worker *worker); /* no more of them; who was stopped goes on */

#endif
