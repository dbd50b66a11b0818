/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_HISTORY_H
#define BERTH_REPORT_HISTORY_H
/*
 * What former runs of a project did: RESULTS/history.sqlite. Written once per run, when it ends; read by `berth trends`,
 * `berth who` and `berth leaks`.
 *
 *	history_open(path, &history)
 *	history_add(history, run)
 *	history_trends(history, &trends, &count)
 *	history_close(history)
 *
 * Several runs may end at once: writers wait for each other, at most five seconds. Functions return 0 or -errno (-EPROTO: the
 * file was made by a newer version) and never print.
 */
#include "tools/report/report.h"

struct history;

int history_open(const char *path, struct history **ret_history);
void history_close(struct history *history);

/** Add a run that has ended; one that is there already is replaced. */
int history_add(struct history *history, const struct report_run *run);

/** Forget runs that began more than @days ago. */
int history_prune(struct history *history, int days);

/* of a port, in a former run */
struct history_owner {
	char *run, *task, *command;
	unsigned int worker;
	int pid, real_port;
	int64_t from_ms, until_ms;
};
/** The last owners of virtual or real port @port, newest first, at most @most. */
int history_owners(struct history *history, int port, size_t most,
                   struct history_owner **ret_owners, size_t *ret_count);
void history_owners_free(struct history_owner *owners, size_t count);

/** What @measure of @task is as a rule: its median over the last runs. Return: it; 0 = not known. */
double history_median(struct history *history, const char *task, const char *measure);

/** The same of whichever task has most of it. */
double history_median_max(struct history *history, const char *measure);

/* one number of one task, over the runs */
struct history_trend {
	/* "duration_ms", "memory_peak_kib", "epipe"; a task of "" is the run as a whole */
	char *task, *measure;
	double last, median; /* median of the runs before the last, at most 20 */
	unsigned int runs;   /* how many those were */
	/* worse than the median by more than a quarter and by more than noise */
	bool regression;
};
int history_trends(struct history *history, struct history_trend **ret_trends, size_t *ret_count);
void history_trends_free(struct history_trend *trends, size_t count);

#endif
