/* SPDX-License-Identifier: MIT */
/*
 * What workers use. A sample shows one moment. What came and went between two samples is known from
 * the counts (sockets) and from the end of each process (its peak memory).
 */
#include "tools/watch/usage.h"

#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

static void on_alive(void *arg, const struct berth_socket *socket)
{
	struct watch_worker *worker;

	if (socket->closed || socket->worker > BERTH_WORKERS_MAX)
		return;
	worker = model_worker(arg, socket->worker);
	if (worker->ended)
		return;
	if (socket->accepted)
		worker->accepted_alive++;
	else
		worker->sockets_alive++;
}

void usage_read_totals(struct watch_model *model, struct source *source,
                       struct watch_worker *worker)
{
	if (!source_is_exact(source) || worker->ended)
		return;
	source_read_counts(source, worker);
	for (struct watch_worker *at = model_worker(model, 0); at;
	     at = model_worker_next(model, at))
		at->sockets_alive = at->accepted_alive = 0;
	(void)source_snapshot(source, on_alive, model);
}

static void on_socket(void *arg, const struct berth_socket *socket)
{
	struct watch_sample *samples = arg;

	if (!socket->closed && socket->worker <= BERTH_WORKERS_MAX)
		samples[socket->worker].sockets++;
}

void usage_sample(struct watch_model *model, struct source *source, watch_sample_fn fn, void *arg)
{
	cleanup_free struct watch_sample *samples = mem_alloc((BERTH_WORKERS_MAX + 1) *
	                                                      sizeof(*samples));
	const struct watch_process *process;

	(void)source_snapshot(source, on_socket, samples);
	for (struct table_cell *cell = NULL; (process = model_process_next(model, &cell));) {
		struct watch_sample *sample = &samples[process->worker];
		int count;

		if (!process->alive)
			continue;
		count = proc_fd_count(process->pid);
		sample->processes++;
		sample->descriptors += count > 0 ? (uint64_t)count : 0;
		sample->memory_kib += model_process_memory_kib(process->pid);
	}
	for (struct watch_worker *worker = NULL; (worker = model_worker_next(model, worker));) {
		const struct watch_sample *sample = &samples[worker->number];

		if (sample->memory_kib > worker->memory_peak_kib)
			worker->memory_peak_kib = sample->memory_kib;
		fn(arg, worker->number, sample);
	}
}
