/* SPDX-License-Identifier: MIT */
/*
 * The order of work: a source delivers events to the model, and rules read the model when they are
 * due. Runs in the supervisor and in `berth monitor`.
 *
 * When the command of a worker has ended, its leftovers are checked with growing pauses until they
 * are gone or the grace period is over. A clean worker costs one check and no wait.
 */
#include "tools/watch/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bpf/monitor.h"
#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/watch/mark.h"
#include "tools/watch/model/model.h"
#include "tools/watch/rules/rules.h"
#include "tools/watch/usage.h"

enum {
	FIRST_PAUSE_MS = 20,
	LONGEST_PAUSE_MS = 200,
	MARK_DELAY_NS = 1000000000, /* how late a mark may come */
};

/* Between the end of a worker's command and the end of its leftovers. */
struct grace_period {
	struct watch *watch;
	unsigned int worker;
	watch_checked_fn fn;
	void *arg;
	int64_t deadline_ms, pause_ms;
	struct loop_timer *timer; /* NULL = not running */
};

struct watch {
	struct watch_setup setup;
	struct watch_policy policy;
	struct source *source;
	struct watch_model *model;
	struct finding_list *findings;
	struct watch_rules rules;
	struct marks *marks;
	struct loop_timer *timer;
	struct grace_period graces[BERTH_WORKERS_MAX + 1]; /* by worker */
};

/* ---- events ---- */

static void on_event(void *arg, const struct berth_event *event)
{
	struct watch *watch = arg;
	struct monitor_stack stack;
	struct watch_process *process;
	bool has_stack = false;

	if (event->worker > BERTH_WORKERS_MAX)
		return;
	process = model_process_find(watch->model, (pid_t)event->pid);
	if (event->tag == BERTH_EVENT_EXITED && process)
		rule_descriptor_growth(&watch->rules, process);
	if (event->tag == BERTH_EVENT_CLOSED && event->how == BERTH_CLOSED_EXIT && !event->accepted)
		has_stack = source_stack(watch->source, event->cookie, true, &stack);
	model_apply(watch->model, event, has_stack ? &stack : NULL);
	if (event->tag == BERTH_EVENT_CONNECTED && event->family == AF_UNIX)
		rule_unix_connection(&watch->rules, event);
	else if ((event->tag == BERTH_EVENT_CONNECTED || event->tag == BERTH_EVENT_SENT) &&
	         model_add_destination(watch->model, event)) {
		has_stack = source_stack(watch->source, event->cookie, false, &stack);
		rule_connection(&watch->rules, event, has_stack ? &stack : NULL);
	}
	if (watch->setup.on_event)
		watch->setup.on_event(watch->setup.arg, event);
}

/* ---- findings ---- */

static void publish(struct watch *watch, struct watch_finding *finding)
{
	if (finding->worker && !finding->tests)
		finding->tests = marks_of_finding(watch->marks, watch->model, finding);
	finding->published = true;
	finding->allowed = finding_allowed(finding, watch->policy.allow, watch->policy.allow_count);
	if (!finding->allowed && watch->setup.on_finding)
		watch->setup.on_finding(watch->setup.arg, finding);
}

/*
 * Publish the findings of a worker; 0: all. Not before the worker's end, because marks come late
 * and counts grow. What is found later, or concerns the run as a whole, is published at the end of
 * the run.
 */
static void publish_worker(struct watch *watch, unsigned int worker)
{
	marks_drain(watch->marks);
	for (size_t i = 0; i < finding_list_count(watch->findings); i++) {
		struct watch_finding *finding = finding_list_get(watch->findings, i);

		if (!finding->published && (!worker || finding->worker == worker))
			publish(watch, finding);
	}
}

/* Publish what the user may act on while it lasts. */
static void publish_urgent(struct watch *watch)
{
	int64_t before_ns = clock_wall_ns() - MARK_DELAY_NS;

	for (size_t i = 0; i < finding_list_count(watch->findings); i++) {
		struct watch_finding *finding = finding_list_get(watch->findings, i);

		if (!finding->published && finding->time_ns <= before_ns &&
		    (finding->kind == FINDING_error_rate ||
		     finding->kind == FINDING_resource_limit))
			publish(watch, finding);
	}
}

void watch_add(struct watch *watch, struct watch_finding *finding)
{
	finding_list_add(watch->findings, finding);
}

size_t watch_finding_count(const struct watch *watch)
{
	return finding_list_count(watch->findings);
}

const struct watch_finding *watch_finding(const struct watch *watch, size_t index)
{
	return finding_list_get(watch->findings, index);
}

/* ---- now and then ---- */

/* Return: whether a socket may be in CLOSE_WAIT, so that a snapshot of every socket pays. */
static bool update_counts(struct watch *watch)
{
	struct watch_worker *worker = model_worker(watch->model, 0);
	bool has_close_wait = !source_is_exact(watch->source);

	for (; worker; worker = model_worker_next(watch->model, worker)) {
		source_read_counts(watch->source, worker);
		has_close_wait |= (int64_t)worker->counts.of[BERTH_COUNT_close_wait] > 0;
	}
	return has_close_wait;
}

static void check_close_wait(struct watch *watch)
{
	struct close_wait_check check = { .rules = &watch->rules };

	(void)source_snapshot(watch->source, rule_close_wait_add, &check);
	rule_close_wait_finish(&check);
}

static void on_timer(void *arg)
{
	struct watch *watch = arg;
	bool has_close_wait;

	source_poll(watch->source);
	model_measure_descriptors(watch->model);
	has_close_wait = update_counts(watch);
	for (struct watch_worker *worker = NULL;
	     (worker = model_worker_next(watch->model, worker));)
		rule_alarms(&watch->rules, worker);
	publish_urgent(watch);
	if (has_close_wait)
		check_close_wait(watch);
	watch->timer = loop_after(watch->setup.loop, watch->policy.sample_ms, on_timer, watch);
}

/* ---- open and close ---- */

static void set_policy(struct watch_policy *policy, const struct watch_policy *given)
{
	*policy = given ? *given : (struct watch_policy){ 0 };
#define DEFAULT(field, value) policy->field = policy->field ? policy->field : (value)
	DEFAULT(grace_ms, 1000);
	DEFAULT(close_wait_ms, 5000);
	DEFAULT(close_wait_min, 3);
	DEFAULT(never_closed_min, 16);
	DEFAULT(growth_min, 64);
	DEFAULT(growth_ms, 30000);
	DEFAULT(error_min, 20);
#undef DEFAULT
	if (policy->error_ratio <= 0)
		policy->error_ratio = 0.05;
}

/* NULL = a worker that has not begun. */
static struct watch_worker *find_worker(struct watch *watch, unsigned int number)
{
	struct watch_worker *worker = number && number <= BERTH_WORKERS_MAX
	                                      ? model_worker(watch->model, number)
	                                      : NULL;

	return worker && worker->begun ? worker : NULL;
}

static void on_mark(void *arg, unsigned int number, const struct mark *mark)
{
	struct watch *watch = arg;
	const struct watch_worker *worker = find_worker(watch, number);
	int64_t time_ns;

	if (!worker)
		return;
	marks_learn_slot(watch->marks, watch->model, worker, mark->slot);
	time_ns = marks_add(watch->marks, number, mark);
	if (time_ns && watch->setup.on_mark)
		watch->setup.on_mark(watch->setup.arg, number, time_ns / 1000000, mark->name);
}

static int open_parts(struct watch *watch, char **ret_reason)
{
	const struct marks_owner owner = { on_mark, watch, watch->setup.on_result,
		                           watch->setup.arg };
	const struct source_setup source = {
		.loop = watch->setup.loop,
		.requested = watch->setup.requested_source,
		.cgroup = watch->setup.cgroup,
		.everything = watch->setup.everything,
		.every_cgroup = watch->setup.every_cgroup,
		.by_process = watch->setup.by_process,
		.model = watch->model,
		.on_event = on_event,
		.arg = watch,
	};
	int ret = source_open(&source, &watch->source, ret_reason);

	if (!ret)
		ret = marks_open(watch->setup.loop, watch->setup.run_dir, &owner, &watch->marks);
	if (!ret)
		ret = finding_list_open(watch->policy.baseline, &watch->findings);
	return ret;
}

int watch_open(const struct watch_setup *setup, struct watch **ret_watch, char **ret_reason)
{
	struct watch *watch = mem_alloc(sizeof(*watch));
	int ret;

	watch->setup = *setup;
	set_policy(&watch->policy, setup->policy);
	watch->model = model_open(setup->run_id, watch->policy.close_wait_ms);
	ret = open_parts(watch, ret_reason);
	if (ret) {
		watch_close(watch);
		return ret;
	}
	watch->rules = (struct watch_rules){ .model = watch->model,
		                             .findings = watch->findings,
		                             .policy = &watch->policy,
		                             .run_id = setup->run_id };
	if (source_is_exact(watch->source)) /* only eBPF delivers stacks */
		symbol_learn_library();
	if (!watch->policy.sample_ms)
		watch->policy.sample_ms = source_is_exact(watch->source) ? 1000 : 250;
	if (setup->loop)
		watch->timer = loop_after(setup->loop, watch->policy.sample_ms, on_timer, watch);
	*ret_watch = watch;
	return 0;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->setup.loop)
		loop_cancel(watch->setup.loop, watch->timer);
	for (size_t i = 0; i <= BERTH_WORKERS_MAX; i++)
		if (watch->graces[i].timer)
			loop_cancel(watch->setup.loop, watch->graces[i].timer);
	marks_close(watch->marks);
	source_close(watch->source);
	finding_list_close(watch->findings);
	model_close(watch->model);
	symbol_close();
	free(watch);
}

enum watch_source watch_source(const struct watch *watch)
{
	return source_is_exact(watch->source) ? WATCH_BPF : WATCH_SAMPLE;
}

const char *const *watch_losses(const struct watch *watch)
{
	return source_losses(watch->source);
}

uint64_t watch_missed(const struct watch *watch)
{
	return source_missed(watch->source);
}

void watch_samples(struct watch *watch, watch_sample_fn fn, void *arg)
{
	usage_sample(watch->model, watch->source, fn, arg);
}

const char *watch_mark_path(const struct watch *watch)
{
	return marks_path(watch->marks);
}

int watch_snapshot(struct watch *watch, watch_socket_fn fn, void *arg)
{
	return source_snapshot(watch->source, fn, arg);
}

/* ---- workers ---- */

int watch_worker_begin(struct watch *watch, const struct watch_worker_setup *setup)
{
	struct watch_worker *worker = model_worker_begin(watch->model, setup->number, setup->task);

	if (!worker)
		return -ERANGE;
	worker->cgroup = setup->cgroup;
	worker->map = setup->map;
	return source_worker_begin(watch->source, worker);
}

void watch_worker_started(struct watch *watch, unsigned int number, pid_t pid)
{
	struct watch_worker *worker = find_worker(watch, number);

	if (!worker)
		return;
	worker->pid = pid;
	model_process_get(watch->model, pid, number);
}

int watch_process_add(struct watch *watch, unsigned int number, pid_t pid)
{
	return source_process_add(watch->source, number, pid);
}

static void finish_grace_period(struct grace_period *grace)
{
	struct watch *watch = grace->watch;
	const struct watch_worker *worker = model_worker(watch->model, grace->worker);
	watch_checked_fn fn = grace->fn;
	struct watch_process *process;

	for (struct table_cell *cell = NULL; (process = model_process_next(watch->model, &cell));)
		if (process->worker == grace->worker)
			rule_descriptor_growth(&watch->rules, process);
	rule_never_closed(&watch->rules, worker);
	/* only the monitor knows about SO_REUSEADDR, without which TIME_WAIT blocks a port */
	if (source_is_exact(watch->source))
		rule_time_wait(&watch->rules, worker);
	grace->fn = NULL;
	if (fn)
		fn(grace->arg, grace->worker);
}

static void check_leftovers(void *arg)
{
	struct grace_period *grace = arg;
	struct watch *watch = grace->watch;
	const struct watch_worker *worker = model_worker(watch->model, grace->worker);
	int64_t remaining_ms = grace->deadline_ms - clock_ms(), pause_ms = grace->pause_ms;
	cleanup_pids struct pids pids = { 0 };

	grace->timer = NULL;
	source_poll(watch->source);
	model_refresh_ports(watch->model, worker);
	model_worker_processes(watch->model, worker, &pids);
	if (!pids.count && !model_worker_listens(watch->model, worker->number)) {
		finish_grace_period(grace);
	} else if (remaining_ms <= 0) {
		rule_leftovers(&watch->rules, worker, &pids);
		check_close_wait(watch);
		finish_grace_period(grace);
	} else {
		grace->timer = loop_after(watch->setup.loop,
		                          remaining_ms < pause_ms ? remaining_ms : pause_ms,
		                          check_leftovers, grace);
		if (pause_ms < LONGEST_PAUSE_MS)
			grace->pause_ms *= 2;
	}
}

void watch_worker_exited(struct watch *watch, unsigned int number, int exit_status,
                         watch_checked_fn fn, void *arg)
{
	struct watch_worker *worker = find_worker(watch, number);

	if (!worker) {
		fn(arg, number);
		return;
	}
	worker->passed = !exit_status;
	watch->graces[number] = (struct grace_period){ .watch = watch,
		                                       .worker = number,
		                                       .fn = fn,
		                                       .arg = arg,
		                                       .pause_ms = FIRST_PAUSE_MS,
		                                       .deadline_ms = clock_ms() +
		                                                      watch->policy.grace_ms };
	check_leftovers(&watch->graces[number]);
}

void watch_worker_end(struct watch *watch, unsigned int number)
{
	struct watch_worker *worker = find_worker(watch, number);
	struct grace_period *grace = &watch->graces[number];

	if (!worker || worker->ended)
		return;
	source_poll(watch->source);
	model_refresh_ports(watch->model, worker);
	if (grace->timer) { /* everything ended before the grace period did */
		loop_cancel(watch->setup.loop, grace->timer);
		grace->timer = NULL;
		finish_grace_period(grace);
	}
	rule_port_conflicts(&watch->rules, worker);
	rule_path_failures(&watch->rules, worker);
	usage_read_totals(watch->model, watch->source, worker);
	rule_error_rates(&watch->rules, worker);
	publish_worker(watch, number);
	worker->ended = true;
	source_worker_end(watch->source, worker);
	/* the caller may close and unmap them now */
	worker->cgroup = -1;
	worker->map = NULL;
}

void watch_finish(struct watch *watch)
{
	source_poll(watch->source);
	rule_conflicts_avoided(&watch->rules);
	publish_worker(watch, 0);
	finding_list_drop_allowed(watch->findings);
}

int watch_worker_summary(struct watch *watch, unsigned int number,
                         struct watch_summary *ret_summary)
{
	struct watch_worker *worker;
	const uint64_t *of;

	if (number > BERTH_WORKERS_MAX)
		return -ERANGE;
	worker = model_worker(watch->model, number);
	usage_read_totals(watch->model, watch->source, worker);
	of = worker->counts.of;
	*ret_summary = (struct watch_summary){
		.counts = worker->counts,
		.alive = worker->sockets_alive,
		.accepted_alive = worker->accepted_alive,
		.exact = source_is_exact(watch->source),
		.processes = worker->processes,
		.descriptors_peak = worker->descriptors_peak,
		.memory_peak_kib = worker->memory_peak_kib,
	};
	if (ret_summary->exact)
		ret_summary->unaccounted =
			(int64_t)(of[BERTH_COUNT_opened] - of[BERTH_COUNT_closed] -
		                  of[BERTH_COUNT_closed_by_exit] - of[BERTH_COUNT_closed_by_exec] -
		                  of[BERTH_COUNT_lost_sockets] - worker->sockets_alive);
	return 0;
}

void watch_conflict(struct watch *watch, unsigned int number, const struct berth_note *note)
{
	struct watch_worker *worker = find_worker(watch, number);
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

	if (source_is_exact(watch->source) || !worker)
		return;
	worker->counts.of[BERTH_COUNT_bind_failed]++;
	worker->counts.of[BERTH_COUNT_eaddrinuse]++;
	on_event(watch, &event);
}
