/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_RERUN_H
#define BERTH_CLI_RERUN_H
/* From earlier runs of the same tasks: which of them to run again, and how long each takes. */
#include "tools/cli/settings/cli.h"

/**
 * Remove the tasks that passed the last time from the run. Prints how many were removed.
 * Return: 0, also if none is left; EXIT_USAGE.
 */
int rerun_choose(struct cli *cli);

/*
 * Fill in from the history, else from --shard-times, how long each task took, and from the history
 * how many database connections it used.
 */
void rerun_estimate(struct cli *cli);

#endif
