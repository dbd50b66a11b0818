/* SPDX-License-Identifier: MIT */
/*
 * Between run, watch and report, which do not know each other.
 *
 * eBPF takes some 45 ms to load, most of it reading the kernel's types, so it is used where it pays: for several workers, for a
 * gate that can fail the run, and for reports. One command without any of these is sampled, which costs one look at its end.
 *
 * What a command left behind must live until it is judged: the worker init waits for the word.
 */
#include "tools/run/watching.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/base/json.h"
#include "tools/base/log.h"
#include "tools/report/history.h"
#include "tools/report/report.h"
#include "tools/run/hook.h"
#include "tools/run/init.h"
#include "tools/watch/watch.h"

enum {
	GRACE_MS = 1000,
	FIRST_SAMPLE_MS = 100,
	SAMPLE_MS = 1000,
	SAMPLE_SPREAD = 200,
	HISTORY_DAYS = 180
};

struct watching {
	struct run *run;
	struct watch *watch;
	struct report *report; /* NULL: nothing is recorded */
	char *reason, *dir;
	struct watch_policy policy;
	struct finding_rule *allow;
	struct watch_alarm alarms[RUN_ERRORS];
	struct hook *hook; /* NULL = none */
	struct loop_timer *timer;
	/* until the next sample: a short run has some, too, and one of hours few more */
	int64_t sample_ms;
};

static bool wants_reports(const struct run_options *options)
{
	return options->json_file || options->junit_file || options->html_file ||
	       options->trace_file || options->markdown_file || options->gitlab_file;
}

static enum watch_source source_for(const struct run *run)
{
	const struct run_options *options = run->options;

	if (run->plan->single && !wants_reports(options) && options->leaks != RUN_GATE_FAIL &&
	    options->foreign != RUN_GATE_FAIL && !options->alarm_count && !options->hook)
		return WATCH_SAMPLE;
	return WATCH_AUTO;
}

static void record(struct watching *watching, const char *type, json_t *fields)
{
	int ret = 0;

	if (watching->report)
		ret = report_record(watching->report, type, fields);
	else
		json_decref(fields);
	run_lacks(watching->run, ret);
}

/* ---- what the watch tells ---- */

static void on_event(void *arg, const struct berth_event *event)
{
	struct watching *watching = arg;
	struct run *run = watching->run;
	const struct berth_portmap *map = event->worker && event->worker <= run->made
	                                          ? run->workers[event->worker - 1].map
	                                          : NULL;
	bool opened = event->tag == BERTH_EVENT_LISTENING;
	json_t *fields;

	if (!event->worker || event->family == AF_UNIX ||
	    (!opened && event->tag != BERTH_EVENT_UNLISTENED))
		return;
	fields = json_pack("{s:i, s:i, s:i, s:s, s:i, s:I, s:o}", "worker", (int)event->worker,
	                   "port",
	                   map ? berth_portmap_virtual(map, event->local_port) : event->local_port,
	                   "real_port", event->local_port, "protocol",
	                   event->proto == BERTH_TCP ? "tcp" : "udp", "pid", (int)event->pid,
	                   "cookie", (json_int_t)event->cookie, "command", json_text(event->comm));
	record(watching, opened ? "port_opened" : "port_closed", fields);
}

static void on_finding(void *arg, const struct watch_finding *finding)
{
	struct watching *watching = arg;

	record(watching, "finding", finding_json(finding));
	hook_tell(watching->hook, finding);
}

static void on_mark(void *arg, unsigned int worker, int64_t time_ms, const char *name)
{
	record(arg, "mark",
	       json_pack("{s:i, s:I, s:o}", "worker", (int)worker, "time_ms", (json_int_t)time_ms,
	                 "test", json_text(name)));
}

static void on_worker_sample(void *arg, unsigned int worker, const struct watch_sample *sample)
{
	const struct watching *watching = arg;

	if (watching->run->workers[worker - 1].status == STATE_RUNNING)
		record(arg, "sample",
		       json_pack("{s:i, s:I, s:I, s:I, s:I}", "worker", (int)worker, "sockets",
		                 (json_int_t)sample->sockets, "processes",
		                 (json_int_t)sample->processes, "memory_kib",
		                 (json_int_t)sample->memory_kib, "descriptors",
		                 (json_int_t)sample->descriptors));
}

static void on_sample(void *arg)
{
	struct watching *watching = arg;
	int64_t most_ms = SAMPLE_MS + (clock_ms() - watching->run->started_ms) / SAMPLE_SPREAD;

	watch_samples(watching->watch, on_worker_sample, watching);
	watching->timer = loop_after(watching->run->loop, watching->sample_ms, on_sample, watching);
	watching->sample_ms = watching->sample_ms * 5 / 4 < most_ms ? watching->sample_ms * 5 / 4
	                                                            : most_ms;
}

/* ---- opening ---- */

/* One rule for each range of ports; their texts stay those of the options. */
static void set_allow_rules(struct watching *watching)
{
	const struct run_options *options = watching->run->options;
	struct watch_policy *policy = &watching->policy;

	for (unsigned int i = 0; i < options->allow_count; i++) {
		const struct run_allow *allow = &options->allow[i];
		unsigned int ranges = allow->ports.count ? allow->ports.count : 1;

		watching->allow = mem_grow(watching->allow, policy->allow_count + ranges,
		                           sizeof(*watching->allow));
		for (unsigned int k = 0; k < ranges; k++) {
			struct run_port_range range = { 0 };

			if (allow->ports.count)
				range = allow->ports.ranges[k];
			watching->allow[policy->allow_count++] = (struct finding_rule){
				range.first, range.last, allow->program, allow->stack
			};
		}
	}
	policy->allow = watching->allow;
}

/* The last entry for an error holds. */
static void set_alarms(struct watching *watching)
{
	static const enum berth_count counts[RUN_ERRORS] = {
		[RUN_EPIPE] = BERTH_COUNT_epipe,
		[RUN_ECONNRESET] = BERTH_COUNT_econnreset,
		[RUN_ECONNREFUSED] = BERTH_COUNT_econnrefused,
		[RUN_ETIMEDOUT] = BERTH_COUNT_etimedout,
		[RUN_EADDRINUSE] = BERTH_COUNT_eaddrinuse,
	};
	const struct run_options *options = watching->run->options;
	size_t place[RUN_ERRORS] = { 0 }; /* 1 + index; 0 = none yet */

	watching->policy.alarms = watching->alarms;
	for (unsigned int i = 0; i < options->alarm_count; i++) {
		const struct run_alarm *alarm = &options->alarms[i];

		if (!place[alarm->error])
			place[alarm->error] = ++watching->policy.alarm_count;
		watching->alarms[place[alarm->error] - 1] = (struct watch_alarm){
			counts[alarm->error], alarm->count, alarm->percent / 100
		};
	}
}

static void record_run(struct watching *watching)
{
	const struct run *run = watching->run;

	record(watching, "run",
	       json_pack("{s:s, s:i, s:o, s:o, s:o, s:s, s:s, s:s, s:o}", "id", run->id, "workers",
	                 (int)run->count, "tasks", json_texts_redacted(run->options->tasks),
	                 "command", json_texts_redacted(run->options->command), "project",
	                 json_text(run->project_dir), "backend",
	                 isolate_backend_names[isolate_backend(run->isolate)], "tree",
	                 tree_kind_names[tree_kind(run->tree)], "source", watching->reason,
	                 "losses",
	                 json_texts((char *const *)(uintptr_t)watch_losses(watching->watch))));
}

static void open_record(struct watching *watching)
{
	struct run *run = watching->run;
	int ret;

	if (run->plan->single && !run->plan->named && !wants_reports(run->options))
		return;
	watching->dir = str_print("%s/runs/%s", run->results_dir, run->id);
	ret = dir_make(watching->dir, 0777);
	if (!ret)
		ret = report_open(watching->dir, &watching->report);
	run_lacks(run, ret);
}

void watching_open(struct run *run)
{
	struct watching *watching = mem_alloc(sizeof(*watching));
	struct watch_setup setup = { .loop = run->loop,
		                     .requested_source = source_for(run),
		                     .run_id = run->id,
		                     .run_dir = run->dir,
		                     .cgroup = run->cgroup,
		                     .policy = &watching->policy,
		                     .on_event = on_event,
		                     .on_finding = on_finding,
		                     .on_mark = on_mark,
		                     .arg = watching };
	cleanup_free char *baseline = str_print("%s/berth.baseline", run->project_dir);
	int ret;

	watching->run = run;
	watching->sample_ms = FIRST_SAMPLE_MS;
	watching->policy.grace_ms = GRACE_MS;
	set_allow_rules(watching);
	watching->hook = hook_open(run);
	set_alarms(watching);
	watching->policy.baseline = steal(&baseline);
	open_record(watching);
	ret = watch_open(&setup, &watching->watch, &watching->reason);
	if (ret) {
		log_line("unable to watch the run: %s", strerror(-ret));
		watching->watch = NULL;
	}
	run->watching = watching;
	if (!watching->watch)
		return;
	record_run(watching);
	if (watching->report)
		watching->timer = loop_after(run->loop, watching->sample_ms, on_sample, watching);
}

void watching_close(struct run *run)
{
	struct watching *watching = run->watching;

	if (!watching)
		return;
	hook_close(watching->hook);
	watch_close(watching->watch);
	report_close(watching->report);
	free(watching->allow);
	free(watching->policy.baseline);
	free(watching->reason);
	free(watching->dir);
	free(watching);
	run->watching = NULL;
}

/* ---- workers ---- */

static struct watching *of(const struct run_worker *worker)
{
	struct watching *watching = worker->run->watching;

	return watching && watching->watch && !worker->setup ? watching : NULL;
}

void watching_worker_begin(struct run_worker *worker)
{
	struct watching *watching = of(worker);
	const struct watch_worker_setup watched = { worker->number, worker->plan->task,
		                                    worker->cgroup, worker->map };

	if (!watching)
		return;
	(void)watch_worker_begin(watching->watch, &watched);
	record(watching, "worker_started",
	       json_pack("{s:i, s:o, s:o}", "worker", (int)worker->number, "task",
	                 json_text(worker->plan->task), "log",
	                 json_text(worker->log_path ? worker->log_path : "")));
}

void watching_environ(const struct run_worker *worker, char ***envp)
{
	const struct watching *watching = of(worker);

	if (watching)
		environ_set(envp, "BERTH_MARK", watch_mark_path(watching->watch));
}

void watching_worker_started(struct run_worker *worker)
{
	struct watching *watching = of(worker);

	if (watching)
		watch_worker_started(watching->watch, worker->number, worker->pid);
}

static void on_judged(void *arg, unsigned int number)
{
	struct run_worker *worker = arg;

	(void)number;
	if (worker->channel >= 0)
		(void)worker_init_send(worker->channel, INIT_JUDGED, 0, 0, NULL);
}

void watching_worker_exited(struct run_worker *worker)
{
	struct watching *watching = of(worker);

	/* who was told to end leaves things behind because of that */
	if (watching && worker->end == END_ITSELF)
		watch_worker_exited(watching->watch, worker->number, worker->exit_status, on_judged,
		                    worker);
	else
		on_judged(worker, worker->number);
}

void watching_database(struct run *run, unsigned int worker, const char *event, const char *name,
                       int64_t ms, const char *detail)
{
	json_t *fields;

	if (!run->watching)
		return;
	/* never the physical name and its server: a detail may be a command with an address in it, but has no password */
	fields = json_pack("{s:i, s:s, s:o, s:o}", "worker", (int)worker, "event", event, "name",
	                   json_text(name), "detail", json_text(detail));
	if (ms >= 0)
		json_object_set_new(fields, "duration_ms", json_integer(ms));
	record(run->watching, "database", fields);
}

void watching_finding(struct run_worker *worker, enum finding_kind kind, uint16_t port,
                      int64_t age_ms, const char *detail)
{
	struct watching *watching = of(worker);
	struct watch_finding *finding;

	/* who was told to end had no time to end its sessions and to drop its databases */
	if (!watching ||
	    (finding_table[kind].gate == FINDING_GATE_LEAKS && worker->end != END_ITSELF))
		return;
	finding = finding_new(kind);
	finding->worker = worker->number;
	finding->task = str_copy(worker->plan->task);
	finding->protocol = str_copy("tcp");
	finding->port = port;
	finding->age_ms = age_ms;
	finding->since_ns -= age_ms > 0 ? age_ms * 1000000 : 0;
	finding->detail = str_copy(detail);
	watch_add(watching->watch, finding);
}

static json_t *json_counts(const struct berth_counts *counts)
{
	static const char *const names[] = {
#define COUNT(name, help) #name,
#include "core/counts.def"
	};
	json_t *object = json_object();

	for (size_t i = 0; i < BERTH_COUNTS; i++)
		json_object_set_new(object, names[i], json_integer((json_int_t)counts->of[i]));
	return object;
}

void watching_fault(const struct run_worker *worker, const char *fault, int hit, const char *said)
{
	struct watching *watching = of(worker);

	if (watching)
		record(watching, "fault",
		       json_pack("{s:i, s:s, s:i, s:s}", "worker", (int)worker->number, "fault",
		                 fault, "hit", hit, "detail", said));
}

void watching_conflict(struct run_worker *worker, const struct berth_note *note)
{
	struct watching *watching = of(worker);

	if (watching)
		watch_conflict(watching->watch, worker->number, note);
}

void watching_limits(struct run_worker *worker)
{
	/* One that was met is told although it was near before, and the others are not the same problem: fingerprints know. */
	static const char *const names[LIMITS][LIMIT_MET + 1] = {
		[LIMIT_MEMORY] = { [LIMIT_NEAR] = "memory is near", [LIMIT_MET] = "memory is met" },
		[LIMIT_CPU] = { [LIMIT_NEAR] = "cpu is near", [LIMIT_MET] = "cpu is met" },
		[LIMIT_PIDS] = { [LIMIT_NEAR] = "pids is near", [LIMIT_MET] = "pids is met" },
	};
	struct watching *watching = of(worker);

	for (int i = 0; watching && i < LIMITS; i++) {
		cleanup_free char *sentence = limits_look(&worker->limits, i);
		struct watch_finding *finding;

		if (!sentence)
			continue;
		finding = finding_new(FINDING_resource_limit);
		finding->worker = worker->number;
		finding->task = str_copy(worker->plan->task);
		finding->limit = names[i][worker->limits.told[i]];
		finding->detail = steal(&sentence);
		watch_add(watching->watch, finding);
	}
}

void watching_worker_end(struct run_worker *worker)
{
	struct watching *watching = of(worker);
	struct watch_summary summary;

	if (!watching)
		return;
	watching_limits(worker);
	watch_worker_end(watching->watch, worker->number);
	(void)watch_worker_summary(watching->watch, worker->number, &summary);
	record(watching, "counts",
	       json_pack("{s:i, s:o, s:I, s:I, s:b, s:I, s:i, s:i}", "worker", (int)worker->number,
	                 "counts", json_counts(&summary.counts), "alive", (json_int_t)summary.alive,
	                 "unaccounted", (json_int_t)summary.unaccounted, "exact", summary.exact,
	                 "memory_peak_kib", (json_int_t)summary.memory_peak_kib, "descriptors_peak",
	                 (int)summary.descriptors_peak, "processes", (int)summary.processes));
}

/* A worker that never began has no other record than this one. */
void watching_worker_over(struct run_worker *worker)
{
	struct watching *watching = of(worker);
	json_t *fields;

	if (!watching)
		return;
	fields = json_pack("{s:i, s:o, s:s, s:i, s:I}", "worker", (int)worker->number, "task",
	                   json_text(worker->plan->task), "status",
	                   worker->status == STATE_PASSED ? "passed" : "failed", "exit_status",
	                   worker->exit_status, "duration_ms",
	                   (json_int_t)(worker->ended_ms - worker->started_ms));
	if (worker->error)
		json_object_set_new(fields, "error", json_text(worker->error));
	record(watching, "worker_ended", fields);
}

/* ---- the end ---- */

/* What the summary says already, in its own words, or what needs no action. */
static bool is_said(const struct watch_finding *finding)
{
	return finding->kind == FINDING_leaked_process ||
	       finding->kind == FINDING_foreign_connection || finding->known ||
	       finding->severity == FINDING_NOTE;
}

/* "w1 w3", or tasks: who has this one, by number; "" if an earlier finding is the same, NULL for the run as a whole. */
static char *sufferers(const struct run *run, size_t index)
{
	const struct watch *watch = run->watching->watch;
	const struct watch_finding *finding = watch_finding(watch, index);
	bool has[BERTH_WORKERS_MAX + 1] = { 0 };
	struct str names = { 0 };

	for (size_t i = 0; i < watch_finding_count(watch); i++) {
		const struct watch_finding *other = watch_finding(watch, i);

		if (strcmp(other->fingerprint, finding->fingerprint))
			continue;
		if (i < index)
			return str_copy("");
		has[other->worker] = true;
	}
	for (unsigned int i = 1; i <= run->count; i++) {
		cleanup_free char *name = has[i] ? worker_name(&run->workers[i - 1]) : NULL;

		if (name)
			str_addf(&names, "%s%s", names.len ? " " : "", name);
	}
	return has[0] ? NULL : str_take(&names);
}

void watching_finish(struct run *run)
{
	struct watching *watching = run->watching;

	if (!watching || !watching->watch)
		return;
	loop_cancel(run->loop, watching->timer);
	watching->timer = NULL;
	watch_finish(watching->watch);
	for (size_t i = 0;
	     run->options->leaks != RUN_GATE_OFF && i < watch_finding_count(watching->watch); i++) {
		const struct watch_finding *finding = watch_finding(watching->watch, i);
		cleanup_free char *workers = is_said(finding) ? str_copy("") : sufferers(run, i);

		if (!workers)
			log_line("%s: %s", finding_table[finding->kind].title, finding->detail);
		else if (*workers)
			log_line("%s: %s: %s", workers, finding_table[finding->kind].title,
			         finding->detail);
	}
}

bool watching_works(const struct run *run)
{
	return run->watching && run->watching->watch;
}

bool watching_by_bpf(const struct run *run)
{
	return watching_works(run) && watch_source(run->watching->watch) == WATCH_BPF;
}

bool watching_found(const struct run *run, enum finding_gate gate)
{
	const struct watching *watching = run->watching;

	for (size_t i = 0; watching && watching->watch && i < watch_finding_count(watching->watch);
	     i++) {
		const struct watch_finding *finding = watch_finding(watching->watch, i);

		if (finding_table[finding->kind].gate == gate &&
		    finding->severity != FINDING_NOTE && !finding->known)
			return true;
	}
	return false;
}

static char **collected(const struct run *run)
{
	char **dirs = NULL;

	for (unsigned int i = 0; run->options->collect && i < run->count; i++)
		strv_own(&dirs, worker_collected(&run->workers[i]));
	return dirs;
}

static void write_reports(struct run *run, const struct report_run *loaded)
{
	cleanup_strv char **dirs = collected(run);
	const struct report_options options = { .project_dir = run->project_dir,
		                                .run_dir = run->watching->dir,
		                                .collected = dirs,
		                                .merge = run->options->merge };
	const struct {
		const char *path;
		enum report_format format;
	} wanted[] = {
		{ run->options->json_file, REPORT_JSON },
		{ run->options->junit_file, REPORT_JUNIT },
		{ run->options->html_file, REPORT_HTML },
		{ run->options->trace_file, REPORT_TRACE },
		{ run->options->markdown_file, REPORT_MARKDOWN },
		{ run->options->gitlab_file, REPORT_GITLAB },
	};
	int ret;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		ret = wanted[i].path
		              ? report_write(loaded, wanted[i].format, &options, wanted[i].path)
		              : 0;
		if (ret)
			log_line("unable to write the report '%s': %s", wanted[i].path,
			         strerror(-ret));
		run_lacks(run, ret);
	}
	ret = report_ci_publish(loaded, &options);
	if (ret)
		log_line("unable to publish the report: %s", strerror(-ret));
}

/* findings.json, for programs: what `berth leaks --json` prints. */
static void write_findings(const struct watching *watching, const struct report_run *loaded)
{
	cleanup_free char *path = str_print("%s/findings.json", watching->dir), *text = NULL;
	json_t *list = json_array();

	for (size_t i = 0; i < loaded->finding_count; i++)
		json_array_append(list, loaded->findings[i]);
	text = json_dumps(list, JSON_INDENT(2));
	json_decref(list);
	run_lacks(watching->run, text ? file_replace(path, text, strlen(text), 0644) : -EINVAL);
}

static void remember(const struct run *run, const struct report_run *loaded)
{
	cleanup_free char *path = str_print("%s/history.sqlite", run->results_dir);
	struct history *history;
	int ret = history_open(path, &history);

	if (!ret) {
		ret = history_add(history, loaded);
		if (!ret)
			ret = history_prune(history, HISTORY_DAYS);
		history_close(history);
	}
	if (ret)
		log_line("unable to add the run to the history '%s': %s", path, strerror(-ret));
}

void watching_report(struct run *run, int status)
{
	struct watching *watching = run->watching;
	struct report_run *loaded;
	int ret;

	if (!watching || !watching->report)
		return;
	record(watching, "run_ended",
	       json_pack("{s:i, s:i, s:i, s:I, s:I}", "exit_status", status, "passed",
	                 (int)(run->over - run->failed), "failed", (int)run->failed, "duration_ms",
	                 (json_int_t)(clock_ms() - run->started_ms), "missed",
	                 (json_int_t)(watching_works(run) ? watch_missed(watching->watch) : 0)));
	ret = report_load(watching->dir, &loaded);
	if (ret) {
		run_lacks(run, ret);
		return;
	}
	write_findings(watching, loaded);
	write_reports(run, loaded);
	remember(run, loaded);
	report_run_free(loaded);
}
