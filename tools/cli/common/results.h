/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_RESULTS_H
#define BERTH_CLI_RESULTS_H
/* The results directory of the project, and the records of runs in it. */
#include "tools/cli/settings/cli.h"
#include "tools/report/history/history.h"
#include "tools/report/report.h"

/**
 * The results directory: from --results, else berth.yaml, else that of results_default().
 * Return: a new string.
 */
char *results_dir(const struct cli *cli);

/** Return: the ids of the recorded runs, the newest first; a new strv, NULL if there are none. */
char **results_runs(const char *results);

/** Print that @results holds no record of a run. Return: the exit status. */
int results_none(const char *results);

/**
 * Load the record of run @id, or of the newest run if @id is NULL. Prints an error on failure.
 * @ret_dir	the run's directory, may be NULL
 * Return: 0; an exit status.
 */
int results_load(const struct cli *cli, const char *id, struct report_run **ret_run,
                 char **ret_dir);

/**
 * Open the project's history.
 * Return: 0; -ENOENT if there is none (it is not created); -errno as history_open().
 */
int results_history(const struct cli *cli, struct history **ret_history);

/** Print why the history cannot be read. @error: -errno of one of its functions. Return: 1. */
int results_unreadable(const struct cli *cli, int error);

#endif
