/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_MONITOR_TESTS_H
#define BERTH_RUN_MONITOR_TESTS_H
/*
 * The results of tests: those that reporters sent while the run went on, and for workers without a
 * reporter those of JUnit files. Each is recorded. Failed tests, and how often each test passed,
 * are kept for the end of the run.
 */
#include "tools/report/history/history.h"
#include "tools/report/report.h"
#include "tools/run/monitor/record.h"
#include "tools/run/worker/worker.h"

struct tests;

struct failed_test {
	unsigned int worker; /* 0 = not known */
	char *test, *error;
};

/* A test in all copies; each named task has tests of its own. */
struct tests_tally {
	char *test;
	struct test_rate rate;
};

/** @named: the workers run different tasks */
struct tests *tests_open(struct record *record, bool named);
void tests_close(struct tests *tests);

/** A reporter has sent a result. */
void tests_reported(struct tests *tests, const struct test_result *result);

/** All workers are over: look into the JUnit files of @options. */
void tests_read(struct tests *tests, const struct report_options *options,
                struct run_worker *const *workers, unsigned int count);

size_t tests_count(const struct tests *tests);
const struct failed_test *tests_get(const struct tests *tests, size_t index);

/** Return: the next test that passed in a part of the copies, from *@at on; NULL after the last. */
const struct tests_tally *tests_next_flaky(const struct tests *tests, size_t *at);

/** How the tests agreed, for a gate: what is known of all of them. */
enum tests_agreement {
	TESTS_UNKNOWN, /* no results */
	TESTS_AGREED,
	TESTS_FLAKY,  /* each test that failed, in each worker that failed, has passed elsewhere */
	TESTS_BROKEN, /* a test failed in all copies, or a worker for another reason */
};
enum tests_agreement tests_agreement(const struct tests *tests, struct run_worker *const *workers,
                                     unsigned int count);

/** Return: how many failed tests are known of worker @number. */
unsigned int tests_of_worker(const struct tests *tests, unsigned int number);

#endif
