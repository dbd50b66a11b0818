/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_SOURCE_H
#define BERTH_RUN_SOURCE_H
/* Where tasks come from: --each, --each-file, --each-command; and the part of this machine. */
#include "tools/run/options.h"

/**
 * Fill in options->tasks, all of the suite. Runs the command of --each-command, whose errors go to
 * our standard error.
 * Return: 0; -EINVAL and *ret_error, a whole message, the caller's to free.
 */
int tasks_find(struct run_options *options, char **ret_error);

/**
 * Fill in options->shard. Leave its tasks in options->tasks, the whole list in options->all_tasks.
 * Return: as tasks_find().
 */
int tasks_take_part(struct run_options *options, char *const *envp, char **ret_error);

/**
 * Read the file of --shard-times: lines "MILLISECONDS TASK".
 * @ret_ms	by index of the task; 0 = the file does not have it
 * Return: as tasks_find().
 */
int tasks_read_times(const char *path, char *const *tasks, int64_t *ret_ms, char **ret_error);

#endif
