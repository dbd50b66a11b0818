/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_VERDICT_H
#define BERTH_RUN_VERDICT_H
/* The exit status of a run, from what is known when all its workers are over. */
#include "tools/run/context.h"
#include "tools/run/monitor/tests.h"
#include "tools/run/queue.h"
#include "tools/run/worker/notes.h"
#include "tools/run/worker/worker.h"
#include "tools/watch/watch.h"

struct outcome {
	const struct run_context *context;
	struct run_worker *const *workers; /* of the run */
	struct queue_totals totals;
	const struct notes *notes;
	const struct watch *watch; /* NULL: the run could not be watched */
	int signal;                /* the first that asked the run to end; 0 = none */
	enum tests_agreement tests;
};

enum verdict_status {
	VERDICT_FLAKY = 119,
	VERDICT_ISOLATION = 120,
	VERDICT_LEAKS = 121,
	VERDICT_FOREIGN = 122,
	VERDICT_INTERNAL = 125,
};

/**
 * Return: the suite's status if it failed, else that of a gate, else 0. With --flaky, a suite that
 * failed by flaky tests alone has its status instead; 125 if no results of tests are known.
 */
int verdict_of(const struct outcome *outcome);

#endif
