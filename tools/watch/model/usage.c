/* SPDX-License-Identifier: MIT */
/*
 * What workers use: descriptors, memory, sockets. Every number here is what /proc says at one moment; what came and went between
 * two looks is known from counts (sockets) and from the end of each process (its peak).
 *
 * Memory is the anonymous part of what is resident: pages of files and shared memory belong to many processes at once, and a sum
 * over processes would count them as often. Pages that a fork shares are counted twice until one side writes.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/watch/model/model.h"

/* The processes of workers that have not ended. NULL: the first. */
static struct watch_process *next_alive(const struct watch *watch, struct table_cell **cell)
{
	while ((*cell = table_next(&watch->processes, *cell))) {
		struct watch_process *process = (*cell)->value;

		if (process->alive && !watch->workers[process->worker].ended)
			return process;
	}
	return NULL;
}

void usage_update_descriptors(struct watch *watch)
{
	struct table_cell *cell = NULL;
	struct watch_process *process;

	while ((process = next_alive(watch, &cell))) {
		struct watch_worker *worker = &watch->workers[process->worker];
		int count = proc_fd_count(process->pid);

		if (count == -ESRCH)
			process->alive = false;
		if (count < 0)
			continue;
		measurements_add(&process->descriptors, count);
		if (count > process->descriptors_peak)
			process->descriptors_peak = count;
		if (count > worker->descriptors_peak)
			worker->descriptors_peak = count;
	}
}

/* /proc/PID/statm: size resident shared ..., in pages. */
static uint64_t memory_kib(pid_t pid)
{
	cleanup_free char *path = str_print("/proc/%d/statm", pid), *text = NULL;
	unsigned long long resident, shared;

	if (file_read(path, &text, NULL) ||
	    sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void on_alive(void *arg, const struct berth_socket *socket)
{
	struct watch_sample *samples = arg;

	if (!socket->closed && socket->worker <= BERTH_WORKERS_MAX)
		samples[socket->worker].sockets++;
}

void watch_samples(struct watch *watch, watch_sample_fn fn, void *arg)
{
	cleanup_free struct watch_sample *samples = mem_alloc((BERTH_WORKERS_MAX + 1) *
	                                                      sizeof(*samples));
	struct table_cell *cell = NULL;
	struct watch_process *process;

	(void)watch_snapshot(watch, on_alive, samples);
	while ((process = next_alive(watch, &cell))) {
		struct watch_sample *sample = &samples[process->worker];
		int count = proc_fd_count(process->pid);

		sample->processes++;
		sample->descriptors += count > 0 ? (uint64_t)count : 0;
		sample->memory_kib += memory_kib(process->pid);
	}
	for (unsigned int i = 1; i <= watch->worker_max; i++) {
		struct watch_worker *worker = &watch->workers[i];

		if (!worker->begun || worker->ended)
			continue;
		if (samples[i].memory_kib > worker->memory_peak_kib)
			worker->memory_peak_kib = samples[i].memory_kib;
		fn(arg, i, &samples[i]);
	}
}
