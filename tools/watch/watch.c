/* SPDX-License-Identifier: MIT */
/*
 * The room's front: which source, which workers, when to look and when to judge. What is seen is kept by model.c, what it
 * means is said by rules.c.
 *
 * When a worker's command has ended, its leftovers are looked at again and again with growing pauses until they are gone or the
 * grace period is over; a clean worker costs one look and no wait.
 */
#include "tools/watch/watch.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/watch/model/model.h"

const char *const watch_source_names[WATCH_SOURCES + 1] = { "auto", "ebpf", "sampling", NULL };

enum { FIRST_PAUSE_MS = 20, LONGEST_PAUSE_MS = 200 };

static struct watch_policy policy_with_defaults(const struct watch_policy *policy,
                                                enum watch_source source)
{
	struct watch_policy full = policy ? *policy : (struct watch_policy){ 0 };

#define DEFAULT(field, value) full.field = full.field ? full.field : (value)
	DEFAULT(grace_ms, 1000);
	DEFAULT(sample_ms, source == WATCH_SAMPLE ? 250 : 1000);
	DEFAULT(close_wait_ms, 5000);
	DEFAULT(close_wait_low, 3);
	DEFAULT(never_closed_low, 16);
	DEFAULT(growth_low, 64);
	DEFAULT(error_low, 20);
	if (full.error_ratio <= 0)
		full.error_ratio = 0.05;
#undef DEFAULT
	return full;
}

static void on_record(void *arg, const struct berth_event *event)
{
	model_event(arg, event);
}

static int open_monitor(struct watch *watch)
{
	const struct monitor_setup setup = {
		.loop = watch->setup.loop,
		.cgroup = watch->setup.cgroup,
		.everything = watch->setup.everything,
		.every_cgroup = watch->setup.every_cgroup,
		.by_process = watch->setup.by_process,
		.stacks = true,
		.on_event = on_record,
		.arg = watch,
	};

	return watch->setup.cgroup < 0 ? -ENOENT : monitor_open(&setup, &watch->monitor);
}

static char *reason_for(const struct watch *watch, int error)
{
	if (watch->monitor)
		return str_print("eBPF%s", *monitor_losses(watch->monitor) ? ", in part" : "");
	if (error == -ENOENT)
		return str_copy("sampling, less exact: there is no cgroup v2 for the run");
	if (error == -EPERM || error == -EACCES)
		return str_copy(
			"sampling, less exact: eBPF needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
	return error ? str_print("sampling, less exact: eBPF does not load (%s)", strerror(-error))
	             : str_copy("sampling, less exact: as asked for");
}

static void on_tick(void *arg);

static int choose_source(struct watch *watch, char **ret_reason)
{
	int error = 0, ret = 0;

	if (watch->setup.requested_source != WATCH_SAMPLE)
		error = open_monitor(watch);
	watch->source = watch->monitor ? WATCH_BPF : WATCH_SAMPLE;
	*ret_reason = reason_for(watch, error);
	if (error && watch->setup.requested_source == WATCH_BPF)
		return -ENOTSUP;
	watch->policy = policy_with_defaults(watch->setup.policy, watch->source);
	if (!watch->monitor)
		ret = sample_open(watch, &watch->sample);
	return ret;
}

/* The C library is in nearly every stack, and a process may be gone before its files are looked at. */
static void learn_library(void)
{
	Dl_info info;

	if (dladdr((void *)(uintptr_t)getppid, &info) && info.dli_fname)
		symbol_learn_file(info.dli_fname);
}

int watch_open(const struct watch_setup *setup, struct watch **ret_watch, char **ret_reason)
{
	struct watch *watch = mem_alloc(sizeof(*watch));
	int ret;

	watch->setup = *setup;
	for (unsigned int i = 0; i <= BERTH_WORKERS_MAX; i++)
		watch->workers[i] = (struct watch_worker){ .watch = watch,
			                                   .number = i,
			                                   .cgroup = -1 };
	ret = choose_source(watch, ret_reason);
	if (watch->monitor) /* the only source of stacks */
		learn_library();
	if (!ret)
		ret = mark_open(watch);
	if (!ret && watch->policy.baseline)
		ret = finding_baseline_read(watch->policy.baseline, &watch->baseline);
	if (ret) {
		watch_close(watch);
		return ret;
	}
	if (setup->loop)
		watch->timer = loop_after(setup->loop, watch->policy.sample_ms, on_tick, watch);
	*ret_watch = watch;
	return 0;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->setup.loop)
		loop_cancel(watch->setup.loop, watch->timer);
	mark_close(watch);
	monitor_close(watch->monitor);
	sample_close(watch->sample);
	for (size_t i = 0; i <= BERTH_WORKERS_MAX; i++) {
		if (watch->workers[i].grace.timer)
			loop_cancel(watch->setup.loop, watch->workers[i].grace.timer);
		free(watch->workers[i].task);
		mark_forget(&watch->workers[i]);
	}
	for (size_t i = 0; i < watch->finding_count; i++)
		finding_free(watch->findings[i]);
	free(watch->findings);
	strv_free(watch->baseline);
	model_free(watch);
	symbol_close();
	free(watch);
}

enum watch_source watch_source(const struct watch *watch)
{
	return watch->source;
}

const char *const *watch_losses(const struct watch *watch)
{
	static const char *const sampled[] = {
		"sockets that live shorter than the pause between two looks are not seen",
		"failed binds and errors are known only where the shim noted them",
		"no stacks",
		"counts are lower bounds",
		NULL,
	};

	return watch->monitor ? monitor_losses(watch->monitor) : sampled;
}

uint64_t watch_missed(const struct watch *watch)
{
	return watch->monitor ? monitor_missed(watch->monitor) : 0;
}

/* ---- workers ---- */

static struct watch_worker *worker_of(struct watch *watch, unsigned int number)
{
	return number && number <= BERTH_WORKERS_MAX && watch->workers[number].begun
	               ? &watch->workers[number]
	               : NULL;
}

int watch_worker_begin(struct watch *watch, const struct watch_worker_setup *setup)
{
	struct watch_worker *worker;

	if (!setup->number || setup->number > BERTH_WORKERS_MAX)
		return -ERANGE;
	worker = &watch->workers[setup->number];
	free(worker->task);
	worker->task = str_copy(setup->task);
	worker->cgroup = setup->cgroup;
	worker->map = setup->map;
	worker->begun = true;
	if (setup->number > watch->worker_max)
		watch->worker_max = setup->number;
	return watch->monitor && setup->cgroup >= 0
	               ? monitor_worker_add(watch->monitor, setup->number, setup->cgroup)
	               : 0;
}

void watch_worker_started(struct watch *watch, unsigned int number, pid_t pid)
{
	struct watch_worker *worker = worker_of(watch, number);

	if (!worker)
		return;
	worker->pid = pid;
	model_process(watch, pid, number);
}

static void look(struct watch *watch)
{
	if (watch->monitor)
		monitor_drain(watch->monitor);
	else
		sample_tick(watch->sample);
}

/* A snapshot walks every socket: only when the counters say that there is something to find. */
static bool has_close_wait(struct watch *watch)
{
	struct berth_counts counts;

	if (!watch->monitor)
		return true;
	for (unsigned int i = 0; i <= watch->worker_max; i++)
		if (!monitor_counts(watch->monitor, i, &counts) &&
		    (int64_t)counts.of[BERTH_COUNT_close_wait] > 0)
			return true;
	return false;
}

static void check_alarms(struct watch *watch)
{
	for (unsigned int i = 1; watch->policy.alarm_count && i <= watch->worker_max; i++) {
		struct watch_worker *worker = &watch->workers[i];

		if (!worker->begun || worker->ended)
			continue;
		if (watch->monitor)
			(void)monitor_counts(watch->monitor, i, &worker->counts);
		rule_alarms(watch, worker);
	}
}

static void on_tick(void *arg)
{
	struct watch *watch = arg;

	look(watch);
	usage_update_descriptors(watch);
	check_alarms(watch);
	finding_list_publish_urgent(watch);
	if (has_close_wait(watch))
		rule_close_wait(watch);
	watch->timer = loop_after(watch->setup.loop, watch->policy.sample_ms, on_tick, watch);
}

/* A backend in the kernel tells the port map what it has claimed a little after the program listens. */
static void refresh_ports(struct watch *watch, const struct watch_worker *worker)
{
	for (struct watch_endpoint *at = watch->newest; at; at = at->next)
		if (at->worker == worker->number && at->virtual_port == at->port)
			at->virtual_port = model_virtual_port(watch, worker->number, at->port);
	for (struct table_cell *cell = NULL; (cell = table_next(&watch->failures, cell));) {
		struct bind_failure *failure = cell->value;

		if (failure->worker == worker->number && failure->virtual_port == failure->port)
			failure->virtual_port = model_virtual_port(watch, worker->number,
			                                           failure->port);
	}
}

static bool has_listener(const struct watch *watch, unsigned int number)
{
	for (const struct watch_endpoint *at = watch->newest; at; at = at->next)
		if (at->worker == number && !at->closed_ns &&
		    (at->listening || at->proto == BERTH_UDP))
			return true;
	return false;
}

static void check_leftovers(void *arg);

static void finish_grace_period(struct watch *watch, struct watch_worker *worker)
{
	watch_checked_fn fn = worker->grace.fn;

	for (struct table_cell *cell = NULL; (cell = table_next(&watch->processes, cell));) {
		struct watch_process *process = cell->value;

		if (process->worker == worker->number)
			rule_descriptor_growth(watch, process);
	}
	rule_never_closed(watch, worker);
	rule_time_wait(watch, worker);
	worker->grace.fn = NULL;
	if (fn)
		fn(worker->grace.arg, worker->number);
}

static void schedule_check(struct watch *watch, struct watch_worker *worker)
{
	int64_t left_ms = worker->grace.deadline_ms - clock_ms();

	worker->grace.timer = loop_after(watch->setup.loop,
	                                 left_ms < worker->grace.delay_ms ? left_ms
	                                                                  : worker->grace.delay_ms,
	                                 check_leftovers, worker);
	if (worker->grace.delay_ms < LONGEST_PAUSE_MS)
		worker->grace.delay_ms *= 2;
}

static void check_worker(struct watch *watch, struct watch_worker *worker)
{
	pid_t *pids;
	size_t count;

	look(watch);
	refresh_ports(watch, worker);
	count = worker_list_processes(watch, worker, &pids);
	if (!count && !has_listener(watch, worker->number)) {
		finish_grace_period(watch, worker);
	} else if (clock_ms() >= worker->grace.deadline_ms) {
		rule_leftovers(watch, worker, pids, count);
		rule_close_wait(watch);
		finish_grace_period(watch, worker);
	} else {
		schedule_check(watch, worker);
	}
	free(pids);
}

static void check_leftovers(void *arg)
{
	struct watch_worker *worker = arg;

	worker->grace.timer = NULL;
	check_worker(worker->watch, worker);
}

void watch_worker_exited(struct watch *watch, unsigned int number, int exit_status,
                         watch_checked_fn fn, void *arg)
{
	struct watch_worker *worker = worker_of(watch, number);

	if (!worker) {
		fn(arg, number);
		return;
	}
	worker->passed = !exit_status;
	worker->grace = (struct grace_period){ .fn = fn,
		                               .arg = arg,
		                               .delay_ms = FIRST_PAUSE_MS,
		                               .deadline_ms = clock_ms() + watch->policy.grace_ms };
	check_worker(watch, worker);
}

static void on_alive(void *arg, const struct berth_socket *socket)
{
	struct watch *watch = arg;

	if (socket->closed || socket->worker > BERTH_WORKERS_MAX)
		return;
	if (socket->accepted)
		watch->workers[socket->worker].accepted_alive++;
	else
		watch->workers[socket->worker].alive++;
}

static void read_counts(struct watch *watch, struct watch_worker *worker)
{
	if (!watch->monitor || worker->ended)
		return;
	(void)monitor_counts(watch->monitor, worker->number, &worker->counts);
	for (unsigned int i = 0; i <= watch->worker_max; i++)
		if (!watch->workers[i].ended)
			watch->workers[i].alive = watch->workers[i].accepted_alive = 0;
	(void)monitor_snapshot(watch->monitor, on_alive, watch);
}

void watch_worker_end(struct watch *watch, unsigned int number)
{
	struct watch_worker *worker = worker_of(watch, number);

	if (!worker || worker->ended)
		return;
	look(watch);
	refresh_ports(watch, worker);
	if (worker->grace.timer) { /* everything ended before the grace period did */
		loop_cancel(watch->setup.loop, worker->grace.timer);
		worker->grace.timer = NULL;
		finish_grace_period(watch, worker);
	}
	for (struct table_cell *cell = NULL; (cell = table_next(&watch->failures, cell));) {
		const struct bind_failure *failure = cell->value;

		if (failure->worker == number)
			rule_port_conflict(watch, failure);
	}
	rule_path_failures(watch, worker);
	read_counts(watch, worker);
	rule_error_rates(watch, worker);
	finding_list_publish(watch, number);
	worker->ended = true;
	if (watch->monitor && worker->cgroup >= 0)
		monitor_worker_remove(watch->monitor, worker->cgroup);
	worker->cgroup = -1; /* the supervisor's, which may close it now */
	worker->map = NULL;
}

void watch_add(struct watch *watch, struct watch_finding *finding)
{
	finding_list_add(watch, finding);
}

static void drop_allowed(struct watch *watch)
{
	size_t kept = 0;

	for (size_t i = 0; i < watch->finding_count; i++)
		if (watch->findings[i]->allowed)
			finding_free(watch->findings[i]);
		else
			watch->findings[kept++] = watch->findings[i];
	watch->finding_count = kept;
	table_free(&watch->told, NULL); /* it pointed to them */
}

void watch_finish(struct watch *watch)
{
	look(watch);
	rule_conflict_avoided(watch);
	finding_list_publish(watch, 0);
	drop_allowed(watch);
}

size_t watch_finding_count(const struct watch *watch)
{
	return watch->finding_count;
}

const struct watch_finding *watch_finding(const struct watch *watch, size_t index)
{
	return watch->findings[index];
}

int watch_worker_summary(struct watch *watch, unsigned int number,
                         struct watch_summary *ret_summary)
{
	struct watch_worker *worker;
	const uint64_t *of;

	if (number > BERTH_WORKERS_MAX)
		return -ERANGE;
	worker = &watch->workers[number];
	read_counts(watch, worker);
	of = worker->counts.of;
	*ret_summary = (struct watch_summary){
		.counts = worker->counts,
		.alive = worker->alive,
		.accepted_alive = worker->accepted_alive,
		.exact = watch->monitor != NULL,
		.processes = worker->processes,
		.descriptors_peak = (unsigned int)worker->descriptors_peak,
		.memory_peak_kib = worker->memory_peak_kib,
	};
	if (watch->monitor)
		ret_summary->unaccounted = (int64_t)(of[BERTH_COUNT_opened] -
		                                     of[BERTH_COUNT_closed] -
		                                     of[BERTH_COUNT_closed_by_exit] -
		                                     of[BERTH_COUNT_closed_by_exec] -
		                                     of[BERTH_COUNT_lost_sockets] - worker->alive);
	return 0;
}

int watch_snapshot(struct watch *watch, watch_socket_fn fn, void *arg)
{
	return watch->monitor ? monitor_snapshot(watch->monitor, fn, arg)
	                      : sample_sockets(watch->sample, fn, arg);
}

void watch_conflict(struct watch *watch, unsigned int number, const struct berth_note *note)
{
	struct berth_event event = { .version = BERTH_EVENT_VERSION,
		                     .source = BERTH_SOURCE_SAMPLE,
		                     .size = BERTH_EVENT_HEAD,
		                     .tag = BERTH_EVENT_BIND_FAILED,
		                     .time_ns = note->time_ns,
		                     .worker = number,
		                     .pid = (uint32_t)note->pid,
		                     .proto = (uint8_t)note->proto,
		                     .error = EADDRINUSE,
		                     .local_port = note->real_port ? note->real_port
		                                                   : note->virtual_port };

	if (watch->monitor || !worker_of(watch, number))
		return;
	watch->workers[number].counts.of[BERTH_COUNT_bind_failed]++;
	watch->workers[number].counts.of[BERTH_COUNT_eaddrinuse]++;
	model_event(watch, &event);
}
