/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_HISTORY_H
#define BERTH_REPORT_HISTORY_H
/*
 * What earlier runs of a project did: RESULTS/history.sqlite. A run writes once, when it ends.
 * `berth trends`, `berth who`, `berth leaks` and the next run read it.
 *
 *	history_record(results, run)
 *
 *	history_open(path, &history)
 *	history_trends(history, &trends, &count)
 *	history_close(history)
 *
 * Several runs may end at once: a writer waits at most five seconds for the others. Functions
 * return 0 or -errno and print nothing; -EPROTO means that a newer version made the file.
 */
#include "tools/report/report.h"

struct history;

/** Why a function failed, for people. */
const char *history_error(int error);

int history_open(const char *path, struct history **ret_history);
void history_close(struct history *history);

/** Add a run that has ended; it replaces an earlier entry of the same run. */
int history_add(struct history *history, const struct report_run *run);

/** Delete the runs that began more than @days ago. */
int history_prune(struct history *history, int days);

/** Add @run to the history in the directory @results, and delete what began 180 days ago. */
int history_record(const char *results, const struct report_run *run);

/* The owner of a port in an earlier run. */
struct history_owner {
	char *run, *task, *command;
	unsigned int worker;
	int pid, real_port;
	int64_t from_ms, until_ms;
};
/** The last owners of virtual or real port @port, newest first, at most @max. */
int history_owners(struct history *history, int port, size_t max, struct history_owner **ret_owners,
                   size_t *ret_count);
void history_owners_free(struct history_owner *owners, size_t count);

/** Return: the median of @measure of @task over the last runs; 0 = unknown. */
double history_median(struct history *history, const char *task, const char *measure);

/** Return: the highest of these medians over all tasks. */
double history_median_max(struct history *history, const char *measure);

/*
 * One number of one task of the last run, beside the earlier runs of the same command, by the same
 * backend, with as many workers at once.
 */
struct history_trend {
	/* "duration_ms", "memory_peak_kib", "epipe"; a task of "" is the run as a whole */
	char *task, *measure;
	double last, median; /* median of the runs before the last, at most 20 */
	unsigned int runs;   /* the number of those */
	bool regression;     /* worse than the median by more than a quarter and more than noise */
};
int history_trends(struct history *history, struct history_trend **ret_trends, size_t *ret_count);
void history_trends_free(struct history_trend *trends, size_t count);

/* ---- flaky.c: tests over copies and runs of one command ---- */

/* The worst first. */
enum test_verdict {
	TEST_FLAKY,   /* it has passed and failed, or passed when repeated */
	TEST_BROKEN,  /* it never passed */
	TEST_TOO_FEW, /* results to say so, or that it is stable */
	TEST_STABLE,
	TEST_VERDICTS
};
extern const char *const test_verdict_names[TEST_VERDICTS];

struct test_rate {
	unsigned int passed, failed, flaky, count; /* results; skipped ones do not count */
	double low, high; /* 95 % interval of the part that passes: Wilson's, without continuity */
	enum test_verdict verdict;
};
struct test_rate test_rate_of(unsigned int passed, unsigned int failed, unsigned int flaky);

struct history_tests {
	char *command; /* of the last run with results; its earlier runs are the others */
	unsigned int runs;
	struct history_test {
		char *task, *file, *name; /* @task: "" = a copy */
		int line;                 /* 0 = not known */
		char *error;              /* of one of its failures; "" = none */
		struct test_rate rate;
	} * of; /* the worst first */
	size_t count;
};

/**
 * @runs	look at so many runs at most
 * Return: 0; -ENODATA if no run has results of tests; -errno. Call history_tests_free() always.
 */
int history_tests(struct history *history, unsigned int runs, struct history_tests *tests);
void history_tests_free(struct history_tests *tests);

#endif
