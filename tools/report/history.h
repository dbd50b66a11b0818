/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_HISTORY_H
#define BERTH_REPORT_HISTORY_H
/*
 * What earlier runs of a project did: RESULTS/history.sqlite. A run writes once, when it ends.
 * `berth trends`, `berth who`, `berth leaks` and the next run read it.
 *
 *	history_open(path, &history)
 *	history_add(history, run)
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

#endif
