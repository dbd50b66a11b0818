/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_AGAIN_H
#define BERTH_CLI_AGAIN_H
/* What earlier runs of the same tasks tell about this one: which are to run again, and how long each takes. */
#include "tools/cli/settings/cli.h"

/**
 * Leave only those of the run's tasks that did not pass the last time. Prints how many those are.
 * Return: 0, also if none is left; EXIT_USAGE.
 */
int again_choose(struct cli *cli);

/* Fill in how long each task took and how many connections it had, where the history knows. */
void again_estimate(struct cli *cli);

#endif
