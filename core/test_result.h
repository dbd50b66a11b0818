/* SPDX-License-Identifier: MIT */
#ifndef BERTH_TEST_RESULT_H
#define BERTH_TEST_RESULT_H
/* What became of a test, as a reporter or a JUnit file says. Texts are valid during a call. */

#define TEST_STATUSES "passed", "failed", "skipped", "flaky" /* flaky: passed when repeated */

struct test_result {
	unsigned int worker; /* 0 = not known */
	const char *test;    /* with its place, if that is known: "e2e/cart.spec.js:12 adds" */
	const char *status;  /* one of TEST_STATUSES */
	const char *error;   /* its first line; "" = none */
	double ms;           /* negative = not known */
};

#endif
