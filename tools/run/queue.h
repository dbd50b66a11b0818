/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_QUEUE_H
#define BERTH_RUN_QUEUE_H
/*
 * Which worker starts next: the order of the plan, its slots, and the connections of a shared
 * database server.
 */
#include <stdbool.h>

#include "tools/run/plan.h"

struct queue;

struct queue_setup {
	const struct plan *plan;
	/* connections that workers may have open together; 0 = no limit */
	unsigned int connections;
	/* those that each task had open at once in earlier runs; 0 = not known; NULL = no limit */
	const unsigned int *task_connections;
	unsigned int largest; /* of all tasks in earlier runs: taken for a task that is not known */
};

struct queue *queue_open(const struct queue_setup *setup);
void queue_close(struct queue *queue);

/** Return: true and the *ret_index of a worker that is to start now; it counts as running. */
bool queue_next(struct queue *queue, unsigned int *ret_index);

/** True once, when a task had to wait for connections. */
bool queue_take_shortage(struct queue *queue);

void queue_worker_over(struct queue *queue, unsigned int index, bool failed);

/** No further worker starts. */
void queue_stop(struct queue *queue);
bool queue_is_stopped(const struct queue *queue);

/** True if every worker has started, or none will any more. */
bool queue_is_empty(const struct queue *queue);

struct queue_totals {
	unsigned int count, running, over, failed;
};
struct queue_totals queue_totals(const struct queue *queue);

#endif
