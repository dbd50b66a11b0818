/* SPDX-License-Identifier: MIT */
/*
 * `berth run`: options -> plan -> run -> reports -> exit status. The options are made by tools/cli.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/base/clock.h"
#include "tools/run/database/hint.h"
#include "tools/run/monitor/reports.h"
#include "tools/run/preview.h"
#include "tools/run/run.h"
#include "tools/run/summary.h"
#include "tools/run/worker/orphans.h"
#include "tools/state/reap.h"
#include "tools/state/results.h"

/* A message may have a second line that begins with "hint: ". */
static int refuse(const char *error)
{
	const char *hint = strstr(error, "\nhint: ");
	int len = hint ? (int)(hint - error) : (int)strlen(error);

	log_line("%.*s", len, error);
	if (hint)
		log_hint("%s", hint + strlen("\nhint: "));
	return VERDICT_INTERNAL;
}

static void announce(const struct run *run)
{
	enum { COLUMNS = 80 };
	const struct run_options *options = run->context.options;
	cleanup_free char *database = database_describe(run->database);
	cleanup_str struct str line = { 0 };

	if (run->tree_reason)
		log_line("the working tree is shared by all workers: %s", run->tree_reason);
	if (tree_processes_reason(run->tree))
		log_line("processes and System V IPC are shared by all workers: %s",
		         tree_processes_reason(run->tree));
	for (char *const *note = tree_notes(run->tree); note && *note; note++)
		log_line("%s", *note);
	if (run->limits_unset) {
		log_line("limits cannot be set here: we may use no controller of cgroups");
		log_hint("systemd-run --user --scope -p Delegate=yes berth run ...");
	}
	if (options->shard.count && options->all_tasks)
		log_line("shard %u of %u: %zu of %zu tasks", options->shard.index,
		         options->shard.count, strv_len(options->tasks),
		         strv_len(options->all_tasks));
	if (run->context.plan->single || !run->count)
		return;
	str_addf(&line, "run %s: %u workers", run->context.id, run->count);
	if (run->context.plan->slots < run->count)
		str_addf(&line, ", %u at once", run->context.plan->slots);
	str_addf(&line, ", backend %s, tree %s",
	         isolate_backend_names[isolate_backend(run->isolate)],
	         tree_kind_names[tree_kind(run->tree)]);
	if (database && line.len + strlen("berth: , databases ") + strlen(database) <= COLUMNS)
		str_addf(&line, ", databases %s", database);
	else if (database)
		str_addf(&line, "\nberth: databases %s", database);
	log_line("%s", line.text);
	if (tree_namespaces(run->tree)->user)
		log_line("user namespace: no sudo or setuid without %s--processes shared",
		         tree_kind(run->tree) == TREE_OVERLAY ? "--tree shared " : "");
}

/*
 * Where the files of --collect go. Tasks are often called like files, "../e2e/cart.spec.js": each
 * becomes one name of a directory, and none leads elsewhere.
 */
static char *collected_dir(const struct run *run, unsigned int index)
{
	const char *name = run->specs[index].name;
	struct str path = { 0 };

	str_addf(&path, "%s/collected/", run->context.results_dir);
	for (const char *at = name; *at; at++)
		if (*at == '/' || *at == '%' || (*at == '.' && at == name))
			str_addf(&path, "%%%02X", *at);
		else
			str_add_len(&path, at, 1);
	return str_take(&path);
}

/*
 * Keep what the workers changed.
 * @ret_changed		by number - 1: how many files it wrote; 0 if that is not known
 * Return: directories with what --collect asked for, a strv.
 */
static char **collect(const struct run *run, unsigned int *ret_changed)
{
	const struct run_options *options = run->context.options;
	cleanup_free bool *matched = mem_alloc(strv_len(options->collect) + 1);
	char **dirs = NULL;

	for (unsigned int i = 0; i < run->count; i++) {
		unsigned int number = i + 1;
		cleanup_free char *kept = str_print("%s/w%u/tree", run->context.log_dir, number);
		cleanup_free char *collected = collected_dir(run, i);
		cleanup_free char *files = str_print("%s/w%u/files", run->context.log_dir, number);
		const struct worker_result *result = worker_result(run->workers[i]);
		const struct tree_collect what = { .worker = number,
			                           .tree_dir = kept,
			                           .globs = options->collect,
			                           .matched = matched,
			                           .collected_dir = collected,
			                           .keep = options->keep,
			                           .reports_dir = result->status == STATE_FAILED
			                                                  ? files
			                                                  : NULL,
			                           .since_ns = run->context.started_wall_ns };
		int ret = result->started_ms ? tree_collect(run->tree, &what, &ret_changed[i]) : 0;

		if (ret)
			log_worker(number, "unable to keep its changes in '%s': %s", kept,
			           strerror(-ret));
		if (options->collect)
			strv_own(&dirs, steal(&collected));
	}
	for (size_t i = 0; options->collect && options->collect[i]; i++)
		if (!matched[i] && tree_kind(run->tree) != TREE_SHARED)
			log_line("--collect '%s' matches no file of a worker", options->collect[i]);
	return dirs;
}

/* Return: 0; the first -errno of writing logs, records and reports. */
static int report(struct run *run, const struct outcome *outcome, int status, char **collected)
{
	struct record *record = monitor_record(run->monitor);
	int ret = output_error(run->output), first;

	if (record_is_open(record)) {
		const struct watch *watch = outcome->watch;

		record_run_ended(record,
		                 &(struct record_end){
					 .exit_status = status,
					 .passed = outcome->totals.over - outcome->totals.failed,
					 .failed = outcome->totals.failed,
					 .duration_ms = clock_ms() - run->context.started_ms,
					 .missed = watch ? watch_missed(watch) : 0,
				 });
		first = reports_write(&run->context, collected);
		ret = ret ? ret : first;
	}
	return ret ? ret : record_error(record);
}

static int judge(struct run *run)
{
	cleanup_free unsigned int *changed = mem_alloc(run->count * sizeof(*changed));
	cleanup_strv char **collected = collect(run, changed);
	struct outcome outcome = { &run->context,
		                   run->workers,
		                   queue_totals(run->queue),
		                   run->notes,
		                   monitor_watch(run->monitor),
		                   run->first_signal,
		                   TESTS_UNKNOWN };
	struct summary summary = { &outcome,     run->output,
		                   run->isolate, monitor_tests(run->monitor),
		                   run->tree,    run->tree_reason,
		                   changed };
	const struct report_options reports = reports_options(&run->context, collected);
	int status, error, unshown, to;

	if (!run->context.plan->single)
		results_prune(run->context.results_dir, run->context.id);
	monitor_finish(run->monitor);
	if (outcome.totals.failed || record_is_open(monitor_record(run->monitor)))
		tests_read(monitor_tests(run->monitor), &reports, run->workers, run->count);
	outcome.tests = tests_agreement(monitor_tests(run->monitor), run->workers, run->count);
	status = verdict_of(&outcome);
	summary_show(&summary);
	if (outcome.totals.failed && run->database) {
		database_hint(run->database, run->workers);
		hint_setup(&run->context, run->workers, run->output);
	} else if (outcome.totals.failed) {
		hint_database(&run->context, run->workers, run->output);
	}
	summary_show_gate(status);
	error = report(run, &outcome, status, collected);
	database_close(steal(&run->database));
	unshown = console_error(output_console(run->output), &to);
	if (unshown)
		summary_show_unshown(&run->context, to, unshown);
	if (error)
		summary_show_incomplete(&run->context, error);
	if (!error && !unshown)
		return status;
	/* a run without complete output has not passed; the suite's own status comes first */
	return status ? status : VERDICT_INTERNAL;
}

static int carry_out(struct run *run)
{
	int ret;

	announce(run);
	ret = run_supervise(run);
	if (ret)
		return refuse(strerror(-ret));
	database_settle(run->database); /* its findings belong to the verdict */
	return judge(run);
}

static int plan_and_run(const struct run_options *options, struct plan *plan)
{
	cleanup_free char *error = NULL;
	struct run run = { 0 };
	int status;

	(void)reap_runs(false, NULL);
	results_sweep();
	status = run_open(&run, options, plan, &error) ? refuse(error) : carry_out(&run);
	database_close(steal(&run.database));
	if (run.allocate)
		allocate_end(run.allocate, run.notes);
	run_remove_traces(&run);
	guard_release(steal(&run.guard));
	monitor_stop(run.monitor);
	/* what a private server has started: COPY ... TO PROGRAM */
	orphans_kill(run.context.id, 0, supervisor_needs_process, &run);
	run_close(&run);
	return status;
}

int run_main(const struct run_options *options)
{
	cleanup_free char *error = NULL;
	struct plan *plan;
	int status;

	if (plan_make(options, environ, &plan, &error))
		return refuse(error);
	if (options->dry_run) {
		cleanup_str struct str text = { 0 };

		if (preview_describe(plan, options, &text, &error)) {
			plan_free(plan);
			return refuse(error);
		}
		str_plain(text.text, "\n"); /* names of tasks may come from outside */
		status = file_write_all(STDOUT_FILENO, text.text, strlen(text.text))
		                 ? VERDICT_INTERNAL
		                 : 0;
	} else {
		status = plan_and_run(options, plan);
	}
	plan_free(plan);
	return status;
}
