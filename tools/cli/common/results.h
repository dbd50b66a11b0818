/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_RESULTS_H
#define BERTH_CLI_RESULTS_H
/* Where `berth run` has put what it found out: the results directory of the project, and the runs in it. */
#include "tools/cli/settings/cli.h"
#include "tools/report/history.h"
#include "tools/report/report.h"

/** The results directory, as --results or berth.yaml says, else that of the project; a new string. */
char *results_dir(const struct cli *cli);

/** The ids of the recorded runs, the newest first; a new strv, NULL = none. */
char **results_runs(const char *results);

/** Say that no run has been recorded in @results. Return: the exit status. */
int results_none(const char *results);

/**
 * Load run @id, or the newest if @id is NULL. Prints what is wrong.
 * @ret_dir	the run's directory, may be NULL
 * Return: 0; an exit status.
 */
int results_load(const struct cli *cli, const char *id, struct report_run **ret_run,
                 char **ret_dir);

/** Open the project's history; it is not made. Return: 0; -ENOENT there is none; -errno as history_open(). */
int results_history(const struct cli *cli, struct history **ret_history);

#endif
