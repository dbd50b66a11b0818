/* SPDX-License-Identifier: MIT */
/* Medians of what was measured in earlier runs, and regressions of the last one. */
#include "tools/report/history/history.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"
#include "tools/report/history/sqlite.h"

enum { BASELINE_RUNS = 20, BASELINE_MIN = 3 };

/* A smaller difference than .min is noise. */
static const struct trend_noise {
	const char *measure;
	double min;
} noises[] = { { "duration_ms", 1000 },
	       { "database_ready_ms", 500 },
	       { "migration_ms", 2000 },
	       { "memory_peak_kib", 32768 },
	       { "connections", 10 } };

static bool is_regression(const struct history_trend *trend)
{
	double min = 5;

	for (size_t i = 0; i < ARRAY_LEN(noises); i++)
		if (!strcmp(noises[i].measure, trend->measure))
			min = noises[i].min;
	return trend->runs >= BASELINE_MIN && trend->last > trend->median * 1.25 &&
	       trend->last - trend->median > min;
}

static int by_value(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference > 0 ? 1 : difference < 0 ? -1 : 0;
}

static double median_of(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), by_value);
	if (!count)
		return 0;
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Return: the number of @values, newest first. */
static unsigned int read_values(struct history *history, const char *task, const char *measure,
                                double *values, unsigned int max)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	unsigned int count = 0;

	if (sqlite_prepare(history_db(history),
	                   "select value from measures join runs using (run) "
	                   "where task = ? and measure = ? order by started_ms desc limit ?",
	                   &statement))
		return 0;
	sqlite.sqlite3_bind_text(statement, 1, task, -1, SQLITE_TRANSIENT);
	sqlite.sqlite3_bind_text(statement, 2, measure, -1, SQLITE_TRANSIENT);
	sqlite.sqlite3_bind_int64(statement, 3, max);
	while (count < max && sqlite.sqlite3_step(statement) == SQLITE_ROW)
		values[count++] = sqlite.sqlite3_column_double(statement, 0);
	return count;
}

double history_median(struct history *history, const char *task, const char *measure)
{
	double values[BASELINE_RUNS];

	return median_of(values, read_values(history, task, measure, values, ARRAY_LEN(values)));
}

double history_median_max(struct history *history, const char *measure)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	double max = 0;

	if (sqlite_prepare(history_db(history),
	                   "select distinct task from measures where measure = ?", &statement))
		return 0;
	sqlite.sqlite3_bind_text(statement, 1, measure, -1, SQLITE_TRANSIENT);
	while (sqlite.sqlite3_step(statement) == SQLITE_ROW) {
		cleanup_free char *task = sqlite_text(statement, 0);
		double median = history_median(history, task, measure);

		max = median > max ? median : max;
	}
	return max;
}

/* Fill in the values of the last run and of the comparable runs before it, see history.h. */
static void fill_trend(struct history *history, const char *run, struct history_trend *trend)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	double values[1 + BASELINE_RUNS];
	unsigned int count = 0;

	if (sqlite_prepare(
		    history_db(history),
		    "select value from measures join runs as earlier using (run), runs as last "
		    "where last.run = ? and task = ? and measure = ? "
		    "and earlier.command = last.command "
		    "and ifnull(earlier.backend, last.backend) = last.backend "
		    "and ifnull(earlier.slots, last.slots) = last.slots "
		    "order by earlier.started_ms desc, earlier.run = last.run desc limit ?",
		    &statement))
		return;
	sqlite.sqlite3_bind_text(statement, 1, run, -1, SQLITE_TRANSIENT);
	sqlite.sqlite3_bind_text(statement, 2, trend->task, -1, SQLITE_TRANSIENT);
	sqlite.sqlite3_bind_text(statement, 3, trend->measure, -1, SQLITE_TRANSIENT);
	sqlite.sqlite3_bind_int(statement, 4, ARRAY_LEN(values));
	while (count < ARRAY_LEN(values) && sqlite.sqlite3_step(statement) == SQLITE_ROW)
		values[count++] = sqlite.sqlite3_column_double(statement, 0);
	if (!count)
		return;
	trend->last = values[0];
	trend->runs = count - 1;
	trend->median = median_of(values + 1, trend->runs);
	trend->regression = is_regression(trend);
}

int history_trends(struct history *history, struct history_trend **ret_trends, size_t *ret_count)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = sqlite_prepare(history_db(history),
	                         "select task, measure, run from measures where run = "
	                         "(select run from runs order by started_ms desc limit 1) "
	                         "order by measure, task",
	                         &statement);

	*ret_trends = NULL;
	*ret_count = 0;
	if (ret)
		return ret;
	while (sqlite.sqlite3_step(statement) == SQLITE_ROW) {
		struct history_trend trend = { .task = sqlite_text(statement, 0),
			                       .measure = sqlite_text(statement, 1) };
		cleanup_free char *run = sqlite_text(statement, 2);

		fill_trend(history, run, &trend);
		*ret_trends = mem_grow(*ret_trends, *ret_count + 1, sizeof(**ret_trends));
		(*ret_trends)[(*ret_count)++] = trend;
	}
	return 0;
}

void history_trends_free(struct history_trend *trends, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(trends[i].task);
		free(trends[i].measure);
	}
	free(trends);
}
