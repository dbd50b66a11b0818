/* SPDX-License-Identifier: MIT */
/*
 * `berth trends` compares the last run with the median of the runs before it. The exit status is 1
 * if a measure is worse.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/results.h"
#include "tools/cli/common/term.h"
#include "tools/report/history/history.h"

static json_t *json_trends(const struct history_trend *trends, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:f, s:i, s:b}", "task",
		                                      trends[i].task, "measure", trends[i].measure,
		                                      "last", trends[i].last, "median",
		                                      trends[i].median, "runs", (int)trends[i].runs,
		                                      "regression", trends[i].regression));
	return list;
}

/* The suffix of a measure's name is its unit: _ms or _kib; without one, it is a count. */
static char *shown(const char *measure, double value)
{
	if (str_ends(measure, "_ms"))
		return str_print("%.1f s", value / 1000);
	if (str_ends(measure, "_kib"))
		return str_print("%.0f MiB", value / 1024);
	return str_print("%.0f", value);
}

static char *name_of(const char *measure)
{
	size_t len = strlen(measure), unit = str_ends(measure, "_ms")    ? 3
	                                     : str_ends(measure, "_kib") ? 4
	                                                                 : 0;
	char *name = str_copy_len(measure, len - unit);

	for (char *at = name; *at; at++)
		if (*at == '_')
			*at = ' ';
	return name;
}

static void print_trends(const struct history_trend *trends, size_t count)
{
	struct term_table table = { 0 };

	term_cell(&table, "task");
	term_cell(&table, "measure");
	term_cell(&table, "last");
	term_cell(&table, "median");
	term_cell(&table, "runs before");
	term_row(&table);
	for (size_t i = 0; i < count; i++) {
		if (trends[i].last <= 0 && trends[i].median <= 0)
			continue; /* a count of errors that never occurred */
		term_cell(&table, *trends[i].task ? trends[i].task : "-");
		term_cell_own(&table, name_of(trends[i].measure));
		term_cell_own(&table, shown(trends[i].measure, trends[i].last));
		term_cell_own(&table, trends[i].runs ? shown(trends[i].measure, trends[i].median)
		                                     : str_copy("-"));
		term_cellf(&table, "%u", trends[i].runs);
		if (trends[i].regression)
			term_cell(&table, "worse");
		term_row(&table);
	}
	term_print(&table);
}

int verb_trends(struct cli *cli)
{
	struct history_trend *trends = NULL;
	struct history *history = NULL;
	size_t count = 0;
	bool worse = false;
	int ret = results_history(cli, &history);

	if (!ret)
		ret = history_trends(history, &trends, &count);
	history_close(history);
	if (ret) {
		history_trends_free(trends, count);
		return results_unreadable(cli, ret);
	}
	for (size_t i = 0; i < count; i++)
		worse |= trends[i].regression;
	if (cli->json)
		output_json(json_trends(trends, count));
	else
		print_trends(trends, count);
	history_trends_free(trends, count);
	return worse;
}
