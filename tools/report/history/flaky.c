/* SPDX-License-Identifier: MIT */
/*
 * Tests over runs and copies. Copies of a command are isolated from each other, so each result is a
 * sample of its test. Named tasks are commands of their own; numbered ones are copies.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/history/history.h"
#include "tools/report/private.h"
#include "tools/report/history/sqlite.h"

/* So many results, all alike, say something: 5 of 5 passed means that 57 % or more pass. */
enum { RESULTS_MIN = 5 };

const char *const test_verdict_names[TEST_VERDICTS] = {
	[TEST_FLAKY] = "flaky",
	[TEST_BROKEN] = "broken",
	[TEST_TOO_FEW] = "too few",
	[TEST_STABLE] = "stable",
};

struct test_rate test_rate_of(unsigned int passed, unsigned int failed, unsigned int flaky)
{
	const double z = 1.959964; /* of 95 % */
	unsigned int count = passed + failed + flaky;
	double n = count ? count : 1, rate = passed / n, scale = 1 + z * z / n;
	double middle = (rate + z * z / (2 * n)) / scale,
	       half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / scale;

	return (struct test_rate){ .passed = passed,
		                   .failed = failed,
		                   .flaky = flaky,
		                   .count = count,
		                   .low = count ? fmax(middle - half, 0) : 0,
		                   .high = count ? fmin(middle + half, 1) : 1,
		                   .verdict = flaky || (passed && failed) ? TEST_FLAKY
		                              : count < RESULTS_MIN       ? TEST_TOO_FEW
		                              : passed                    ? TEST_STABLE
		                                                          : TEST_BROKEN };
}

/* The worst first: by verdict, then by the part that passed, then by name as they came. */
static int by_verdict(const void *a, const void *b)
{
	const struct history_test *left = a, *right = b;
	double difference = (double)left->rate.passed * right->rate.count -
	                    (double)right->rate.passed * left->rate.count;
	int order = (int)left->rate.verdict - (int)right->rate.verdict;

	if (!order)
		order = difference > 0 ? 1 : difference < 0 ? -1 : 0;
	if (!order)
		order = strcmp(left->file, right->file);
	return order ? order : strcmp(left->name, right->name);
}

static unsigned int number_at(sqlite3_stmt *statement, int column)
{
	return (unsigned int)sqlite.sqlite3_column_int(statement, column);
}

/* The last run that has results, and how many comparable ones are looked at. */
static int read_runs(struct history *history, unsigned int runs, struct history_tests *tests)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = sqlite_prepare(
		history_db(history),
		"select command, (select count(*) from (select 1 from runs where command = "
		"last.command and run in (select run from tests) limit ?)) from runs as last "
		"where run in (select run from tests) order by started_ms desc limit 1",
		&statement);

	if (ret)
		return ret;
	sqlite.sqlite3_bind_int64(statement, 1, runs);
	if (sqlite.sqlite3_step(statement) != SQLITE_ROW)
		return -ENODATA;
	tests->command = sqlite_text(statement, 0);
	tests->runs = number_at(statement, 1);
	return 0;
}

int history_tests(struct history *history, unsigned int runs, struct history_tests *tests)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = read_runs(history, runs, tests);

	if (!ret)
		ret = sqlite_prepare(
			history_db(history),
			"select case when task glob '*[^0-9]*' then task else '' end as named, "
			"file, max(line), name, sum(status = 'passed'), sum(status = 'failed'), "
			"sum(status = 'flaky'), max(case when error != '' then error end) "
			"from tests where status in ('passed', 'failed', 'flaky') and run in "
			"(select run from runs where command = ? and run in (select run from "
			"tests) order by started_ms desc limit ?) group by named, file, name",
			&statement);
	if (ret)
		return ret;
	sqlite.sqlite3_bind_text(statement, 1, tests->command, -1, SQLITE_TRANSIENT);
	sqlite.sqlite3_bind_int64(statement, 2, runs);
	while (sqlite.sqlite3_step(statement) == SQLITE_ROW) {
		tests->of = mem_grow(tests->of, tests->count + 1, sizeof(*tests->of));
		tests->of[tests->count++] = (struct history_test){
			.task = sqlite_text(statement, 0),
			.file = sqlite_text(statement, 1),
			.line = sqlite.sqlite3_column_int(statement, 2),
			.name = sqlite_text(statement, 3),
			.rate = test_rate_of(number_at(statement, 4), number_at(statement, 5),
			                     number_at(statement, 6)),
			.error = sqlite_text(statement, 7),
		};
	}
	if (tests->count)
		qsort(tests->of, tests->count, sizeof(*tests->of), by_verdict);
	return tests->count ? 0 : -ENODATA;
}

void history_tests_free(struct history_tests *tests)
{
	for (size_t i = 0; i < tests->count; i++) {
		free(tests->of[i].task);
		free(tests->of[i].file);
		free(tests->of[i].name);
		free(tests->of[i].error);
	}
	free(tests->of);
	free(tests->command);
	*tests = (struct history_tests){ 0 };
}
