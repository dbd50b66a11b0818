/* SPDX-License-Identifier: MIT */
/*
 * A task passed if it passed in the newest run that had it. This file reads the records and not the
 * history, because a killed run leaves a record but no row in the history.
 */
#include "tools/cli/verbs/rerun.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/cli/common/results.h"
#include "tools/report/history/history.h"
#include "tools/run/tasks/source.h"

enum { UNKNOWN, PASSED, NOT_PASSED };

static int result_of(const struct report_run *run, const char *task)
{
	int result = UNKNOWN;
	json_t *word;
	size_t i;

	/* a merged record has a worker that failed for a task that ran twice */
	for (i = 0; i < run->worker_count; i++)
		if (!strcmp(run->workers[i].task, task) && result != NOT_PASSED)
			result = strcmp(run->workers[i].status, "passed") ? NOT_PASSED : PASSED;
	if (result != UNKNOWN)
		return result;
	json_array_foreach(json_object_get(run->run, "tasks"), i, word) if (
		!strcmp(json_string_value(word) ? json_string_value(word) : "",
	                task)) return NOT_PASSED; /* planned in this run, but never started */
	return UNKNOWN;
}

/* Return: the number of tasks whose result is still unknown. */
static size_t read_run(const struct report_run *run, char *const *tasks, char *results_of)
{
	size_t unknown = 0;

	for (size_t i = 0; tasks[i]; i++) {
		if (results_of[i] == UNKNOWN)
			results_of[i] = (char)result_of(run, tasks[i]);
		unknown += results_of[i] == UNKNOWN;
	}
	return unknown;
}

static void read_results(const char *results, char *const *tasks, char *results_of)
{
	char **runs = results_runs(results);

	for (char **id = runs; id && *id; id++) {
		cleanup_free char *dir = str_print("%s/runs/%s", results, *id);
		struct report_run *run;
		size_t unknown;

		if (report_load(dir, &run))
			continue;
		unknown = read_run(run, tasks, results_of);
		report_run_free(run);
		if (!unknown)
			break;
	}
	strv_free(runs);
}

int rerun_choose(struct cli *cli)
{
	cleanup_free char *results = results_dir(cli), *results_of = NULL;
	size_t count = strv_len(cli->run.tasks), left = 0;

	if (!count)
		return cli_usage(cli,
		                 "--last-failed needs --each: tasks need names to be recognised");
	results_of = mem_alloc(count);
	read_results(results, cli->run.tasks, results_of);
	for (size_t i = 0; i < count; i++) {
		if (results_of[i] == PASSED)
			free(cli->run.tasks[i]);
		else
			cli->run.tasks[left++] = cli->run.tasks[i];
	}
	cli->run.tasks[left] = NULL;
	if (!left)
		log_line("all %zu tasks passed the last time; nothing is run", count);
	else if (left < count)
		log_line("%zu of %zu tasks passed the last time and are left out", count - left,
		         count);
	return 0;
}

void rerun_estimate(struct cli *cli)
{
	struct run_options *run = &cli->run;
	size_t count = strv_len(run->tasks);
	cleanup_free char *ignored = NULL;
	enum db_mode mode = cli->run.db_mode;
	bool pool = cli->run.database_count && !cli->run.pool && mode != DB_OFF &&
	            mode != DB_PRIVATE;
	struct history *history;

	if (count > 1)
		run->expected_ms = mem_alloc(count * sizeof(*run->expected_ms));
	if (count > 1 && run->shard_times)
		(void)tasks_read_times(run->shard_times, run->tasks, run->expected_ms, &ignored);
	if ((count < 2 && !pool) || results_history(cli, &history))
		return;
	if (pool)
		run->pool_seen = (unsigned int)history_median_max(history, "connections");
	for (size_t i = 0; count > 1 && i < count; i++) {
		double ms = history_median(history, run->tasks[i], "duration_ms");

		if (ms > 0)
			run->expected_ms[i] = (int64_t)ms;
	}
	if (count > 1 && run->pool_seen)
		run->task_pools = mem_alloc(count * sizeof(*run->task_pools));
	for (size_t i = 0; run->task_pools && i < count; i++)
		run->task_pools[i] = (unsigned int)history_median(history, run->tasks[i],
		                                                  "connections");
	history_close(history);
}
