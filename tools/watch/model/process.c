/* SPDX-License-Identifier: MIT */
/*
 * The processes of the workers. /proc describes a process when it does something that a report may
 * name, because later it may be gone. Its command line comes with the exec event of the monitor,
 * also for the shortest process.
 *
 * Memory is the anonymous part of what is resident. Pages of files and shared memory belong to many
 * processes at once, and a sum over processes would count them as often. Pages that a fork shares
 * are counted twice until one side writes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/watch/model/private.h"

enum { TICK_NS = 10000000, ANCESTORS_MAX = 8, COMMAND_MAX = 400 };

static struct watch_process *add_process(struct watch_model *model, pid_t pid, unsigned int worker)
{
	struct watch_process *process = mem_alloc(sizeof(*process));

	process->pid = pid;
	process->worker = worker;
	process->alive = true;
	process->previous = table_get(&model->processes, (uint64_t)pid);
	table_set(&model->processes, (uint64_t)pid, process);
	model->workers[worker].processes++;
	return process;
}

struct watch_process *model_process_find(struct watch_model *model, pid_t pid)
{
	return table_get(&model->processes, (uint64_t)pid);
}

struct watch_process *model_process_get(struct watch_model *model, pid_t pid, unsigned int worker)
{
	struct watch_process *process = model_process_find(model, pid);

	return process ? process : add_process(model, pid, worker);
}

struct watch_process *model_process_next(struct watch_model *model, struct table_cell **cell)
{
	*cell = table_next(&model->processes, *cell);
	return *cell ? (*cell)->value : NULL;
}

static void read_ancestry(struct watch_process *process)
{
	pid_t pid = process->parent;

	strv_free(process->ancestry);
	process->ancestry = NULL;
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		struct proc_stat stat;

		if (proc_read_stat(pid, &stat))
			return;
		strv_own(&process->ancestry, str_print("%s (%d)", stat.comm, pid));
		if (pid ==
		    getpid()) /* the supervisor's own ancestors say nothing about the suite */
			return;
		pid = stat.ppid;
	}
}

void model_process_describe(struct watch_process *process)
{
	struct proc_info info;

	if (process->described || !process->alive || proc_read(process->pid, &info))
		return;
	process->described = true;
	symbol_learn(process->pid);
	if (!process->began_ns) /* .start_ns is a number of ticks: take the middle of the tick */
		process->began_ns = (uint64_t)(info.start_ns + TICK_NS / 2 - clock_wall_ns() +
		                               clock_ns());
	memcpy(process->comm, info.stat.comm, sizeof(process->comm));
	process->parent = info.stat.ppid;
	process->pid_inside = info.inside;
	if (*info.command != '[') { /* a zombie has no arguments any more */
		free(process->command);
		process->command = steal(&info.command);
	}
	free(process->directory);
	process->directory = steal(&info.directory);
	free(process->slot);
	process->slot = str_copy(info.owner.slot);
	read_ancestry(process);
	proc_info_free(&info);
}

struct watch_process *model_process_of_event(struct watch_model *model,
                                             const struct berth_event *event)
{
	struct watch_process *process = model_process_get(model, (pid_t)event->pid, event->worker);

	if (!*process->comm)
		memcpy(process->comm, event->comm, sizeof(process->comm));
	model_process_describe(process);
	return process;
}

/* ---- events ---- */

void process_forked(struct watch_model *model, const struct berth_event *event)
{
	const struct watch_process *parent = model_process_find(model, (pid_t)event->parent);
	struct watch_process *process = add_process(model, (pid_t)event->pid, event->worker);

	process->parent = (pid_t)event->parent;
	process->began_ns = event->time_ns;
	memcpy(process->comm, event->comm, sizeof(process->comm));
	if (parent)
		process->command = str_copy(parent->command); /* until it executes a program */
}

/*
 * /proc/PID/exe is exact while the process lives; the path in the event may be relative to its
 * directory.
 */
static void learn_program(const struct watch_process *process, const struct berth_event *event)
{
	cleanup_free char *program = str_copy_len(event->text, event->text_len);
	cleanup_free char *link = str_print("/proc/%d/exe", process->pid);
	cleanup_free char *path = realpath(link, NULL);

	symbol_learn_file(path ? path : program);
}

void process_executed(struct watch_model *model, const struct berth_event *event)
{
	struct watch_process *process = model_process_get(model, (pid_t)event->pid, event->worker);

	process->parent = (pid_t)event->parent;
	process->described = false;
	process->peak_before_kib = event->count;
	memcpy(process->comm, event->comm, sizeof(process->comm));
	free(process->command);
	process->command = proc_parse_command(event->text, event->text_len, COMMAND_MAX);
	process->descriptors = (struct measurements){ 0 };
	learn_program(process, event);
}

void process_exited(struct watch_model *model, const struct berth_event *event)
{
	struct watch_process *process = model_process_get(model, (pid_t)event->pid, event->worker);
	struct watch_worker *worker = &model->workers[event->worker];

	process->alive = false;
	process->status = event->error;
	process->status_known = event->source == BERTH_SOURCE_BPF;
	/* a peak that is not above the one before execve(2) is of the program before; a child of
	   ours that executed nothing is a worker init */
	if ((process->peak_before_kib || process->parent != getpid()) &&
	    event->count > process->peak_before_kib && event->count > worker->memory_peak_kib)
		worker->memory_peak_kib = event->count;
}

static void add_second(struct unclosed_connections *unclosed, uint64_t opened_ns)
{
	uint32_t second = (uint32_t)(opened_ns / 1000000000);

	for (unsigned int i = 0; i < unclosed->second_count; i++)
		if (unclosed->seconds[i] == second)
			return;
	if (unclosed->second_count < ARRAY_LEN(unclosed->seconds))
		unclosed->seconds[unclosed->second_count++] = second;
}

void process_count_unclosed(struct watch_model *model, const struct berth_event *event,
                            const struct monitor_stack *stack)
{
	struct watch_process *process = model_process_get(model, (pid_t)event->parent,
	                                                  event->worker);
	struct unclosed_connections *unclosed = &process->unclosed;

	/* a process that a signal killed had no chance to close anything */
	if ((process->status & 0x7f) || !event->remote_port)
		return;
	add_second(unclosed, event->opened_ns);
	if (!unclosed->count++) {
		unclosed->first_opened_ns = event->opened_ns;
		unclosed->first_port = event->remote_port;
	}
	if (stack && !unclosed->first_stack.count)
		symbol_locate((pid_t)stack->pid, stack->frames, stack->len, &stack->caller,
		              &unclosed->first_stack);
}

void process_count_close_wait(struct watch_model *model, const struct berth_event *event)
{
	struct watch_process *process = model_process_get(model, (pid_t)event->parent,
	                                                  event->worker);

	process->close_waits++;
	if (!process->close_wait_opened_ns)
		process->close_wait_opened_ns = event->opened_ns;
}

/* ---- measurements ---- */

void model_measure_descriptors(struct watch_model *model)
{
	struct watch_process *process;

	for (struct table_cell *cell = NULL; (process = model_process_next(model, &cell));) {
		struct watch_worker *worker = &model->workers[process->worker];
		int count = process->alive && !worker->ended ? proc_fd_count(process->pid) : -1;

		if (count == -ESRCH)
			process->alive = false;
		if (count < 0)
			continue;
		measurements_add(&process->descriptors, count);
		if ((unsigned int)count > worker->descriptors_peak)
			worker->descriptors_peak = (unsigned int)count;
	}
}

/* /proc/PID/statm: size resident shared ..., in pages. */
uint64_t model_process_memory_kib(pid_t pid)
{
	cleanup_free char *text = NULL;
	unsigned long long resident, shared;

	if (proc_read_file(pid, "statm", &text, NULL) ||
	    sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void free_process(void *value)
{
	struct watch_process *process = value;

	if (process->previous)
		free_process(process->previous);
	free(process->command);
	free(process->directory);
	free(process->slot);
	strv_free(process->ancestry);
	symbol_stack_free(&process->unclosed.first_stack);
	free(process);
}

void process_close_all(struct watch_model *model)
{
	table_free(&model->processes, free_process);
}
