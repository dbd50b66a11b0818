/* SPDX-License-Identifier: MIT */
/* Pure: it knows of numbers only, not of processes. */
#include "tools/run/queue.h"

#include <stdlib.h>

#include "tools/base/str.h"

enum queue_state { QUEUE_WAITING, QUEUE_RUNNING, QUEUE_OVER };

struct queue {
	struct queue_setup setup;
	enum queue_state *states; /* by index of the worker */
	struct queue_totals totals;
	unsigned int started;
	bool stopped, shortage, shortage_told;
};

struct queue *queue_open(const struct queue_setup *setup)
{
	struct queue *queue = mem_alloc(sizeof(*queue));

	queue->setup = *setup;
	queue->totals.count = setup->plan->count;
	queue->states = mem_alloc(setup->plan->count * sizeof(*queue->states));
	return queue;
}

void queue_close(struct queue *queue)
{
	if (!queue)
		return;
	free(queue->states);
	free(queue);
}

/* The task's own connections, and one of Berth's. */
static unsigned int connections_of(const struct queue *queue, unsigned int index)
{
	unsigned int known = queue->setup.task_connections[index];

	return (known ? known : queue->setup.largest) + 1;
}

/*
 * Has the shared server connections for this task beside those that run? A task that does not fit
 * waits, and smaller ones overtake it. When no other runs it starts, whatever the numbers say.
 */
static bool has_connections(struct queue *queue, unsigned int index)
{
	unsigned int used = 0;

	if (!queue->setup.connections || !queue->setup.task_connections || !queue->totals.running)
		return true;
	for (unsigned int i = 0; i < queue->totals.count; i++)
		if (queue->states[i] == QUEUE_RUNNING)
			used += connections_of(queue, i);
	if (used + connections_of(queue, index) <= queue->setup.connections)
		return true;
	queue->shortage = true;
	return false;
}

bool queue_next(struct queue *queue, unsigned int *ret_index)
{
	const struct plan *plan = queue->setup.plan;

	for (unsigned int i = 0; i < plan->count; i++) {
		unsigned int index = plan->order[i];

		if (queue->stopped || queue->totals.running >= plan->slots)
			return false;
		if (queue->states[index] != QUEUE_WAITING || !has_connections(queue, index))
			continue;
		queue->states[index] = QUEUE_RUNNING;
		queue->totals.running++;
		queue->started++;
		*ret_index = index;
		return true;
	}
	return false;
}

bool queue_take_shortage(struct queue *queue)
{
	bool first = queue->shortage && !queue->shortage_told;

	queue->shortage_told = queue->shortage;
	return first;
}

void queue_worker_over(struct queue *queue, unsigned int index, bool failed)
{
	queue->states[index] = QUEUE_OVER;
	queue->totals.running--;
	queue->totals.over++;
	queue->totals.failed += failed;
}

void queue_stop(struct queue *queue)
{
	queue->stopped = true;
}

bool queue_is_stopped(const struct queue *queue)
{
	return queue->stopped;
}

bool queue_is_empty(const struct queue *queue)
{
	return queue->stopped || queue->started == queue->totals.count;
}

struct queue_totals queue_totals(const struct queue *queue)
{
	return queue->totals;
}
