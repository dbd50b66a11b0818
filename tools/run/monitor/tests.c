/* SPDX-License-Identifier: MIT */
#include "tools/run/monitor/tests.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/str.h"

enum { TESTS_MAX = 10000 }; /* a suite that floods the FIFO must not fill our memory */

struct tests {
	struct record *record;
	struct failed_test *of;
	size_t count;
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

static void add(struct tests *tests, const struct report_failed *failed, bool reported)
{
	for (size_t i = 0; i < tests->count; i++)
		if (tests->of[i].worker == failed->worker &&
		    !strcmp(tests->of[i].test, failed->test))
			return;
	if (tests->count == TESTS_MAX)
		return;
	tests->of = mem_grow(tests->of, tests->count + 1, sizeof(*tests->of));
	tests->of[tests->count++] = (struct failed_test){ failed->worker, str_copy(failed->test),
		                                          str_copy(failed->error), reported };
	record_failed_test(tests->record, failed);
}

void tests_reported(void *tests, unsigned int worker, const char *test, const char *error)
{
	add(tests, &(struct report_failed){ worker, test, error }, true);
}

/* A file of a worker that passed may have tests that failed at first and passed when repeated. */
static void on_failed(void *arg, const struct report_failed *failed)
{
	struct tests *tests = arg;

	if (failed->worker > tests->worker_count ||
	    (failed->worker &&
	     worker_result(tests->workers[failed->worker - 1])->status != STATE_FAILED))
		return;
	for (size_t i = 0; i < tests->count; i++)
		if (tests->of[i].reported && tests->of[i].worker == failed->worker)
			return;
	add(tests, failed, false);
}

void tests_read(struct tests *tests, const struct report_options *options,
                struct run_worker *const *workers, unsigned int count)
{
	tests->workers = workers;
	tests->worker_count = count;
	report_find_failed(options, on_failed, tests);
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
