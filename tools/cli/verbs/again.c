/* SPDX-License-Identifier: MIT */
/*
 * A task counts as passed if it passed in the newest run that had it. The records are asked, not the history: a run that
 * was killed has written the one and not the other.
 */
#include "tools/cli/verbs/again.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/cli/common/results.h"
#include "tools/report/history.h"

enum { UNKNOWN, PASSED, NOT_PASSED };

static int verdict_on(const struct report_run *run, const char *task)
{
	json_t *word;
	size_t i;

	for (i = 0; i < run->worker_count; i++)
		if (!strcmp(run->workers[i].task, task))
			return strcmp(run->workers[i].status, "passed") ? NOT_PASSED : PASSED;
	json_array_foreach(json_object_get(run->run, "tasks"), i, word) if (
		!strcmp(json_string_value(word) ? json_string_value(word) : "",
	                task)) return NOT_PASSED; /* the run was to have it and did not get to it */
	return UNKNOWN;
}

/* Return: how many verdicts are still unknown. */
static size_t judge(const struct report_run *run, char *const *tasks, char *verdicts)
{
	size_t unknown = 0;

	for (size_t i = 0; tasks[i]; i++) {
		if (verdicts[i] == UNKNOWN)
			verdicts[i] = (char)verdict_on(run, tasks[i]);
		unknown += verdicts[i] == UNKNOWN;
	}
	return unknown;
}

static void judge_all(const char *results, char *const *tasks, char *verdicts)
{
	char **runs = results_runs(results);

	for (char **id = runs; id && *id; id++) {
		cleanup_free char *dir = str_print("%s/runs/%s", results, *id);
		struct report_run *run;
		size_t unknown;

		if (report_load(dir, &run))
			continue;
		unknown = judge(run, tasks, verdicts);
		report_run_free(run);
		if (!unknown)
			break;
	}
	strv_free(runs);
}

int again_choose(struct cli *cli)
{
	cleanup_free char *results = results_dir(cli), *verdicts = NULL;
	size_t count = strv_len(cli->run.tasks), left = 0;

	if (!count)
		return cli_usage(
			cli,
			"--last-failed needs --each: only tasks that have names can be told apart");
	verdicts = mem_alloc(count);
	judge_all(results, cli->run.tasks, verdicts);
	for (size_t i = 0; i < count; i++) {
		if (verdicts[i] == PASSED)
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

void again_estimate(struct cli *cli)
{
	size_t count = strv_len(cli->run.tasks);
	enum db_mode mode = cli->run.db_mode;
	bool pool = cli->run.database_count && !cli->run.pool && mode != DB_OFF &&
	            mode != DB_PRIVATE;
	struct history *history;

	if ((count < 2 && !pool) || results_history(cli, &history))
		return;
	if (pool)
		cli->run.pool_seen = (unsigned int)history_median_max(history, "connections");
	if (count < 2) {
		history_close(history);
		return;
	}
	cli->run.expected_ms = mem_alloc(count * sizeof(*cli->run.expected_ms));
	for (size_t i = 0; i < count; i++)
		cli->run.expected_ms[i] = (int64_t)history_median(history, cli->run.tasks[i],
		                                                  "duration_ms");
	if (cli->run.pool_seen)
		cli->run.task_pools = mem_alloc(count * sizeof(*cli->run.task_pools));
	for (size_t i = 0; cli->run.pool_seen && i < count; i++)
		cli->run.task_pools[i] = (unsigned int)history_median(history, cli->run.tasks[i],
		                                                      "connections");
	history_close(history);
}
