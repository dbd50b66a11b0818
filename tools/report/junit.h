/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_JUNIT_H
#define BERTH_REPORT_JUNIT_H
/*
 * Merging the JUnit files that the suite's own test runners wrote. A file is parsed as a stream and
 * copied suite by suite. Only the common dialect is copied: testsuites, testsuite, properties,
 * property, testcase and its contents. An unknown element is left out and is no error; a malformed
 * file costs its own cases only.
 */
#include "tools/base/str.h"
#include "tools/report/report.h"

struct junit_search {
	const struct report_options *options;
	unsigned int worker; /* passed on */
	report_test_fn fn;
	void *arg;
};

struct junit_totals {
	unsigned long tests, failures, errors, skipped;
};

/**
 * Append the suites of a JUnit document to @text.
 * @suffix	added to each suite's name, so that one suite of two workers stays two; "" = none.
 *		GitLab and others keep only the first of two cases with one name.
 * Return: 0; -EBADMSG if it is not well-formed: what was read before the mistake is kept,
 *	   well-formed; -E2BIG if it nests deeper than a report does; -ENOMEM.
 */
int junit_merge(const char *document, size_t len, const char *suffix, struct str *text,
                struct junit_totals *totals);

/**
 * Find the cases of a JUnit document, each with its place if that is in the project. What is not
 * well-formed ends the search.
 */
void junit_find_tests(const char *document, size_t len, const struct junit_search *search);

#endif
