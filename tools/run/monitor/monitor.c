/* SPDX-License-Identifier: MIT */
/* In the supervisor, between tools/watch and tools/report, which do not know each other. */
#include "tools/run/monitor/monitor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/log.h"
#include "tools/run/monitor/hook.h"
#include "tools/run/monitor/policy.h"
#include "tools/run/plan.h"
#include "tools/run/worker/progress.h"

enum { FIRST_SAMPLE_MS = 100, SAMPLE_MS = 1000, SAMPLE_SPREAD = 200, URL_WORKERS_MAX = 4 };

struct run_monitor {
	struct run_monitor_setup setup;
	struct policy policy;
	struct watch *watch; /* NULL if the run cannot be watched */
	struct record *record;
	struct tests *tests;
	struct hook *hook; /* NULL = none */
	bool *running;     /* by number - 1: the command runs */
	struct loop_timer *timer;
	int64_t sample_ms; /* until the next sample */
	char **urls;       /* lines that were printed; strv */
	char **database_ports;
};

/* ---- what tools/watch tells ---- */

/*
 * On a terminal, for a few workers: how a browser outside reaches a port that the suite named. The
 * line of a port is printed once, however often its server starts again.
 */
static void show_url(struct run_monitor *monitor, const struct berth_event *event, uint16_t port)
{
	const struct run_monitor_setup *setup = &monitor->setup;
	cleanup_free char *text = str_print("%u", port), *line = NULL;

	if (!progress_is_terminal(STDERR_FILENO) || setup->spec_count > URL_WORKERS_MAX ||
	    setup->context->options->output == RUN_OUTPUT_QUIET || event->proto != BERTH_TCP ||
	    port == event->local_port || strv_has(monitor->database_ports, text))
		return;
	line = str_print("w%u: port %u is http://localhost:%u outside", event->worker, port,
	                 event->local_port);
	if (strv_has(monitor->urls, line))
		return;
	log_line("%s", line);
	strv_own(&monitor->urls, steal(&line));
}

static void on_event(void *arg, const struct berth_event *event)
{
	struct run_monitor *monitor = arg;
	const struct berth_portmap *map = NULL;
	bool opened = event->tag == BERTH_EVENT_LISTENING;
	uint16_t port;

	if (!event->worker || event->family == AF_UNIX ||
	    (!opened && event->tag != BERTH_EVENT_UNLISTENED))
		return;
	if (event->worker <= monitor->setup.spec_count)
		map = monitor->setup.specs[event->worker - 1].map;
	port = map ? berth_portmap_virtual(map, event->local_port) : event->local_port;
	if (opened)
		show_url(monitor, event, port);
	record_port(monitor->record, event, port, opened);
}

static void on_finding(void *arg, const struct watch_finding *finding)
{
	struct run_monitor *monitor = arg;

	record_finding(monitor->record, finding);
	if (policy_is_new(finding))
		hook_call(monitor->hook, finding);
}

static void on_mark(void *arg, unsigned int worker, int64_t time_ms, const char *name)
{
	record_mark(((struct run_monitor *)arg)->record, worker, time_ms, name);
}

static void on_result(void *arg, const struct test_result *result)
{
	const struct run_monitor *monitor = arg;

	if (result->worker <= monitor->setup.context->plan->count) /* not of the setup's worker */
		tests_reported(monitor->tests, result);
}

static void on_worker_sample(void *arg, unsigned int worker, const struct watch_sample *sample)
{
	struct run_monitor *monitor = arg;

	if (monitor->running[worker - 1])
		record_sample(monitor->record, worker, sample);
}

/* The pauses grow: a short run has some samples, a long one not many more. */
static void on_sample(void *arg)
{
	struct run_monitor *monitor = arg;
	int64_t max_ms = SAMPLE_MS +
	                 (clock_ms() - monitor->setup.context->started_ms) / SAMPLE_SPREAD;

	watch_samples(monitor->watch, on_worker_sample, monitor);
	monitor->timer = loop_after(monitor->setup.loop, monitor->sample_ms, on_sample, monitor);
	monitor->sample_ms = monitor->sample_ms * 5 / 4;
	if (monitor->sample_ms > max_ms)
		monitor->sample_ms = max_ms;
}

/* ---- start and stop ---- */

/* A rule that cannot hold is named, so that silence means that all do. */
static void say_inactive(const struct run_options *options, const char *reason)
{
	if (options->alarm_count)
		log_line("alarms are not active: errors of calls cannot be seen here: %s", reason);
	if (policy_needs_stacks(options))
		log_line("allow: rules with stack: are not active: stacks cannot be seen here: %s",
		         reason);
	if (options->alarm_count || policy_needs_stacks(options))
		log_hint("berth doctor");
}

static void open_watch(struct run_monitor *monitor)
{
	const struct run_monitor_setup *setup = &monitor->setup;
	const struct watch_setup watch = { .loop = setup->loop,
		                           .requested_source = policy_source(setup->context),
		                           .run_id = setup->context->id,
		                           .run_dir = setup->context->dir,
		                           .cgroup = setup->cgroup,
		                           .policy = &monitor->policy.watch,
		                           .on_event = on_event,
		                           .on_finding = on_finding,
		                           .on_mark = on_mark,
		                           .on_result = on_result,
		                           .arg = monitor };
	cleanup_free char *reason = NULL;
	int ret = watch_open(&watch, &monitor->watch, &reason);

	if (ret) {
		log_line("unable to watch the run: %s", strerror(-ret));
		monitor->watch = NULL;
		return;
	}
	if (watch_source(monitor->watch) != WATCH_BPF)
		say_inactive(setup->context->options, reason ? reason : "sampling");
	record_run(monitor->record,
	           &(struct record_run){ setup->context, setup->backend, setup->tree, reason,
	                                 watch_losses(monitor->watch) });
	if (record_is_open(monitor->record))
		monitor->timer = loop_after(setup->loop, monitor->sample_ms, on_sample, monitor);
}

struct run_monitor *monitor_start(const struct run_monitor_setup *setup)
{
	const struct run_context *context = setup->context;
	struct run_monitor *monitor = mem_alloc(sizeof(*monitor));

	monitor->setup = *setup;
	monitor->sample_ms = FIRST_SAMPLE_MS;
	monitor->running = mem_alloc(setup->spec_count * sizeof(*monitor->running));
	monitor->database_ports = plan_database_ports(context->options, environ);
	policy_open(&monitor->policy, context);
	if (context->options->hook)
		monitor->hook = hook_open(setup->loop, context->options->hook, context->id);
	monitor->record = record_open(policy_records(context) ? context->log_dir : NULL);
	monitor->tests = tests_open(monitor->record, context->plan->named);
	open_watch(monitor);
	return monitor;
}

void monitor_stop(struct run_monitor *monitor)
{
	if (!monitor)
		return;
	hook_close(monitor->hook);
	watch_close(monitor->watch);
	tests_close(monitor->tests);
	record_close(monitor->record);
	policy_close(&monitor->policy);
	strv_free(monitor->urls);
	strv_free(monitor->database_ports);
	free(monitor->running);
	free(monitor);
}

const struct watch *monitor_watch(const struct run_monitor *monitor)
{
	return monitor->watch;
}

struct record *monitor_record(const struct run_monitor *monitor)
{
	return monitor->record;
}

struct tests *monitor_tests(const struct run_monitor *monitor)
{
	return monitor->tests;
}

bool monitor_uses_bpf(const struct run_monitor *monitor)
{
	return monitor->watch && watch_source(monitor->watch) == WATCH_BPF;
}

void monitor_environ(const struct run_monitor *monitor, char ***envp)
{
	if (monitor->watch)
		environ_set(envp, "BERTH_MARK", watch_mark_path(monitor->watch));
}

void monitor_finish(struct run_monitor *monitor)
{
	loop_cancel(monitor->setup.loop, monitor->timer);
	monitor->timer = NULL;
	if (monitor->watch)
		watch_finish(monitor->watch);
}

/* ---- workers ---- */

void monitor_worker_begin(struct run_monitor *monitor, const struct worker_spec *worker,
                          const char *log_path)
{
	const struct watch_worker_setup watched = { worker->number, worker->task, worker->cgroup,
		                                    worker->map };

	if (!monitor->watch)
		return;
	(void)watch_worker_begin(monitor->watch, &watched);
	record_worker_started(monitor->record, worker, log_path);
}

void monitor_worker_started(struct run_monitor *monitor, unsigned int number, pid_t pid)
{
	monitor->running[number - 1] = true;
	if (monitor->watch)
		watch_worker_started(monitor->watch, number, pid);
}

void monitor_worker_exited(struct run_monitor *monitor, const struct worker_result *result,
                           unsigned int number, watch_checked_fn judged, void *arg)
{
	monitor->running[number - 1] = false;
	/* a worker that was asked to end leaves processes behind because of that */
	if (monitor->watch && result->end == END_ITSELF)
		watch_worker_exited(monitor->watch, number, result->exit_status, judged, arg);
	else
		judged(arg, number);
}

void monitor_worker_gone(struct run_monitor *monitor, unsigned int number)
{
	struct watch_summary summary;

	monitor->running[number - 1] = false;
	if (!monitor->watch)
		return;
	monitor_limits(monitor, number);
	watch_worker_end(monitor->watch, number);
	(void)watch_worker_summary(monitor->watch, number, &summary);
	record_counts(monitor->record, number, &summary);
}

/* A worker that never began has no other record than this one. */
void monitor_worker_over(struct run_monitor *monitor, unsigned int number,
                         const struct worker_result *result)
{
	if (monitor->watch)
		record_worker_ended(monitor->record, &monitor->setup.specs[number - 1], result);
}

/* ---- findings of other modules ---- */

static struct watch_finding *new_finding(const struct run_monitor *monitor, enum finding_kind kind,
                                         unsigned int number)
{
	struct watch_finding *finding = finding_new(kind);

	finding->worker = number;
	finding->task = str_copy(monitor->setup.specs[number - 1].task);
	return finding;
}

void monitor_limits(struct run_monitor *monitor, unsigned int number)
{
	/* A limit that is met is reported, even if it was near before: the fingerprints differ. */
	static const char *const names[LIMITS][LIMIT_REACHED + 1] = {
		[LIMIT_MEMORY] = { [LIMIT_NEAR] = "memory is near",
		                   [LIMIT_REACHED] = "memory is met" },
		[LIMIT_CPU] = { [LIMIT_NEAR] = "cpu is near", [LIMIT_REACHED] = "cpu is met" },
		[LIMIT_PIDS] = { [LIMIT_NEAR] = "pids is near", [LIMIT_REACHED] = "pids is met" },
	};
	struct limits *limits = &monitor->setup.specs[number - 1].limits;

	for (int i = 0; monitor->watch && i < LIMITS; i++) {
		cleanup_free char *sentence = limits_check(limits, i);
		struct watch_finding *finding;

		if (!sentence)
			continue;
		finding = new_finding(monitor, FINDING_resource_limit, number);
		finding->limit = names[i][limits->reported[i]];
		finding->detail = steal(&sentence);
		watch_add(monitor->watch, finding);
	}
}

void monitor_conflict(void *arg, unsigned int number, const struct berth_note *note)
{
	const struct run_monitor *monitor = arg;

	if (monitor->watch && !monitor->setup.specs[number - 1].is_setup)
		watch_conflict(monitor->watch, number, note);
}

/*
 * Return: the finding that a record of tools/db is, and its *ret_detail; FINDING_KINDS if it is
 * none.
 */
static enum finding_kind database_finding(const struct db_record *event, char **ret_detail)
{
	const char *what = event->detail, *s = strcmp(what, "1") ? "s" : "";
	long long tenths = event->ms / 100;

	switch (event->kind) {
	case DB_RECORD_ABANDONED:
		*ret_detail = str_print("a session on port %u ended with its process, idle in a "
		                        "transaction for %lld.%01lld s",
		                        event->port, tenths / 10, tenths % 10);
		return FINDING_session_left;
	case DB_RECORD_IDLE:
		*ret_detail = str_print("%s session%s on port %u idle in a transaction, the oldest "
		                        "for %lld.%01lld s",
		                        what, s, event->port, tenths / 10, tenths % 10);
		return FINDING_idle_in_transaction;
	case DB_RECORD_IDLE_ENDED:
		*ret_detail = str_print("%s session%s on port %u ended after %lld.%01lld s idle in "
		                        "a transaction (idle-kill)",
		                        what, s, event->port, tenths / 10, tenths % 10);
		return FINDING_idle_in_transaction;
	case DB_RECORD_POOL:
		*ret_detail = str_print("%s connections of the server on port %u are in use", what,
		                        event->port);
		return FINDING_connections_low;
	case DB_RECORD_REFUSED:
		*ret_detail = str_print("the server on port %u turned clients away %s", event->port,
		                        what);
		return FINDING_server_refuses;
	case DB_RECORD_LEFTOVER:
		*ret_detail = str_print("%s on port %u, which the suite had created", what,
		                        event->port);
		return FINDING_database_left;
	default: return FINDING_KINDS;
	}
}

void monitor_database(struct run_monitor *monitor, const struct db_record *event,
                      const struct worker_result *result)
{
	char *detail = NULL;
	struct watch_finding *finding;
	enum finding_kind kind;

	record_database(monitor->record, event);
	if (!monitor->watch || !result)
		return;
	kind = database_finding(event, &detail);
	if (kind == FINDING_KINDS)
		return;
	/*
	 * a worker that was asked to end had no time to end its sessions and to drop its databases
	 */
	if (finding_table[kind].gate == FINDING_GATE_LEAKS && result->end != END_ITSELF) {
		free(detail);
		return;
	}
	finding = new_finding(monitor, kind, event->worker);
	finding->protocol = str_copy("tcp");
	finding->port = event->port;
	finding->age_ms = event->ms;
	if (event->since_ms)
		finding->since_ns = event->since_ms * 1000000;
	else if (event->ms > 0)
		finding->since_ns -= event->ms * 1000000;
	finding->detail = detail;
	watch_add(monitor->watch, finding);
}
