/* SPDX-License-Identifier: MIT */
#include "tools/run/monitor/tests.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/str.h"

/* A suite that floods the FIFO must not fill our memory or the disk. */
enum { FAILED_MAX = 10000, RESULTS_MAX = 1 << 20 };

struct tests {
	struct record *record;
	struct failed_test *of; /* each test of a worker once */
	size_t count, results;
	bool reported[BERTH_WORKERS_MAX + 1]; /* has a reporter */
	/* while JUnit files are read */
	struct run_worker *const *workers;
	unsigned int worker_count;
};

struct tests *tests_open(struct record *record)
{
	struct tests *tests = mem_alloc(sizeof(*tests));

	tests->record = record;
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

static void add(struct tests *tests, const struct test_result *result)
{
	if (tests->results++ < RESULTS_MAX)
		record_test(tests->record, result);
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
