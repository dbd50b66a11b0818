/* SPDX-License-Identifier: MIT */
#include "tools/run/monitor/tests.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/str.h"
#include "tools/base/table.h"

/* A suite that floods the FIFO must not fill our memory or the disk. */
enum { FAILED_MAX = 10000, RESULTS_MAX = 1 << 20 };

struct tests {
	struct record *record;
	struct failed_test *of; /* each test of a worker once */
	size_t count, results;
	bool named;
	struct table by_hash; /* of struct tests_tally */
	struct tests_tally **tallies;
	size_t tally_count;
	bool reported[BERTH_WORKERS_MAX + 1]; /* has a reporter */
	/* while JUnit files are read */
	struct run_worker *const *workers;
	unsigned int worker_count;
};

struct tests *tests_open(struct record *record, bool named)
{
	struct tests *tests = mem_alloc(sizeof(*tests));

	tests->record = record;
	tests->named = named;
	return tests;
}

void tests_close(struct tests *tests)
{
	if (!tests)
		return;
	for (size_t i = 0; i < tests->count; i++) {
		free(tests->of[i].test);
		free(tests->of[i].error);
	}
	free(tests->of);
	for (size_t i = 0; i < tests->tally_count; i++) {
		free(tests->tallies[i]->test);
		free(tests->tallies[i]);
	}
	free(tests->tallies);
	table_free(&tests->by_hash, NULL);
	free(tests);
}

static void add_failed(struct tests *tests, const struct test_result *result)
{
	for (size_t i = 0; i < tests->count; i++)
		if (tests->of[i].worker == result->worker &&
		    !strcmp(tests->of[i].test, result->test))
			return;
	if (tests->count == FAILED_MAX)
		return;
	tests->of = mem_grow(tests->of, tests->count + 1, sizeof(*tests->of));
	tests->of[tests->count++] = (struct failed_test){ result->worker, str_copy(result->test),
		                                          str_copy(result->error) };
}

static void count(struct tests *tests, const struct test_result *result)
{
	uint64_t key = table_hash_text(TABLE_HASH + (tests->named ? result->worker : 0),
	                               result->test);
	struct tests_tally *tally = table_get(&tests->by_hash, key);

	if (!result->worker || !strcmp(result->status, "skipped"))
		return;
	if (!tally) {
		tally = mem_alloc(sizeof(*tally));
		tally->test = str_copy(result->test);
		table_set(&tests->by_hash, key, tally);
		tests->tallies = mem_grow(tests->tallies, tests->tally_count + 1,
		                          sizeof(struct tests_tally *));
		tests->tallies[tests->tally_count++] = tally;
	}
	tally->rate = test_rate_of(tally->rate.passed + !strcmp(result->status, "passed"),
	                           tally->rate.failed + !strcmp(result->status, "failed"),
	                           tally->rate.flaky + !strcmp(result->status, "flaky"));
}

static void add(struct tests *tests, const struct test_result *result)
{
	if (tests->results++ < RESULTS_MAX) {
		record_test(tests->record, result);
		count(tests, result);
	}
	if (!strcmp(result->status, "failed"))
		add_failed(tests, result);
}

void tests_reported(struct tests *tests, const struct test_result *result)
{
	tests->reported[result->worker] = true;
	add(tests, result);
}

/*
 * A case of a JUnit file. In the file of a worker that passed, a test that failed has passed when
 * it was repeated. A file of several workers at once tells which tests failed, and no more.
 */
static void on_case(void *arg, const struct test_result *result)
{
	struct tests *tests = arg;
	struct test_result of = *result;
	bool failed = !strcmp(of.status, "failed");

	if (!of.worker && tests->worker_count == 1)
		of.worker = 1;
	if (of.worker > tests->worker_count || tests->reported[of.worker])
		return;
	if (of.worker
	            ? failed && worker_result(tests->workers[of.worker - 1])->status != STATE_FAILED
	            : !failed)
		return;
	add(tests, &of);
}

void tests_read(struct tests *tests, const struct report_options *options,
                struct run_worker *const *workers, unsigned int count)
{
	tests->workers = workers;
	tests->worker_count = count;
	report_find_tests(options, on_case, tests);
}

size_t tests_count(const struct tests *tests)
{
	return tests->count;
}

const struct failed_test *tests_get(const struct tests *tests, size_t index)
{
	return &tests->of[index];
}

unsigned int tests_of_worker(const struct tests *tests, unsigned int number)
{
	unsigned int count = 0;

	for (size_t i = 0; i < tests->count; i++)
		count += tests->of[i].worker == number;
	return count;
}

const struct tests_tally *tests_next_flaky(const struct tests *tests, size_t *at)
{
	while (*at < tests->tally_count) {
		const struct tests_tally *tally = tests->tallies[(*at)++];

		if (tally->rate.verdict == TEST_FLAKY)
			return tally;
	}
	return NULL;
}

enum tests_agreement tests_agreement(const struct tests *tests, struct run_worker *const *workers,
                                     unsigned int count)
{
	size_t at = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct worker_result *result = worker_result(workers[i]);

		if (result->status == STATE_FAILED && result->end != END_FAIL_FAST &&
		    (result->end != END_ITSELF || !tests_of_worker(tests, i + 1)))
			return TESTS_BROKEN;
	}
	for (size_t i = 0; i < tests->tally_count; i++)
		if (tests->tallies[i]->rate.failed && tests->tallies[i]->rate.verdict != TEST_FLAKY)
			return TESTS_BROKEN;
	if (!tests->tally_count)
		return TESTS_UNKNOWN;
	return tests_next_flaky(tests, &at) ? TESTS_FLAKY : TESTS_AGREED;
}
