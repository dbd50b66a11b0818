/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_MONITOR_TESTS_H
#define BERTH_RUN_MONITOR_TESTS_H
/*
 * The results of tests: those that reporters sent while the run went on, and for workers without a
 * reporter those of JUnit files. Each is recorded; failed tests are kept for the end of the run.
 */
#include "tools/report/report.h"
#include "tools/run/monitor/record.h"
#include "tools/run/worker/worker.h"

struct tests;

struct failed_test {
	unsigned int worker; /* 0 = not known */
	char *test, *error;
};

struct tests *tests_open(struct record *record);
void tests_close(struct tests *tests);

/** A reporter has sent a result. */
void tests_reported(struct tests *tests, const struct test_result *result);

/** All workers are over: look into the JUnit files of @options. */
void tests_read(struct tests *tests, const struct report_options *options,
                struct run_worker *const *workers, unsigned int count);

size_t tests_count(const struct tests *tests);
const struct failed_test *tests_get(const struct tests *tests, size_t index);

/** Return: how many are known of worker @number. */
unsigned int tests_of_worker(const struct tests *tests, unsigned int number);

#endif
