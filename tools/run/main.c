/* SPDX-License-Identifier: MIT */
/* `berth run`: parse -> plan -> run -> report; parsing is done by cli. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/run/allocate.h"
#include "tools/run/database.h"
#include "tools/state/reap.h"
#include "tools/state/results.h"
#include "tools/run/run.h"
#include "tools/run/watching.h"

enum { EXIT_OURS = 125 };

/* A message may have a second line that begins with "hint: ". */
static int refuse(const char *error)
{
	const char *hint = strstr(error, "\nhint: ");
	int len = hint ? (int)(hint - error) : (int)strlen(error);

	log_line("%.*s", len, error);
	if (hint)
		log_hint("%s", hint + strlen("\nhint: "));
	return EXIT_OURS;
}

static void announce(const struct run *run)
{
	cleanup_free char *database = database_describe(run);

	if (run->tree_reason)
		log_line("the working tree is shared by all workers: %s", run->tree_reason);
	if (run->limits_unset) {
		log_line("limits cannot be set here: we may use no controller of cgroups");
		log_hint("systemd-run --user --scope -p Delegate=yes berth run ...");
	}
	if (run->plan->single)
		return;
	log_line("run %s: %u workers, %u at once, backend %s, tree %s%s%s%s", run->id, run->count,
	         run->plan->slots, isolate_backend_names[isolate_backend(run->isolate)],
	         tree_kind_names[tree_kind(run->tree)], database ? ", databases " : "",
	         database ? database : "",
	         tree_in_user_namespace(run->tree)
	                 ? " (in a user namespace: no sudo or setuid; --tree shared avoids it)"
	                 : "");
}

static void collect(struct run *run)
{
	for (unsigned int i = 0; i < run->count; i++) {
		struct run_worker *worker = &run->workers[i];
		cleanup_free char *kept = str_print("%s/w%u/tree", run->log_dir, worker->number);
		cleanup_free char *collected = worker_collected(worker);
		const struct tree_collect what = { worker->number, kept, run->options->collect,
			                           collected, run->options->keep };
		int ret = worker->started_ms ? tree_collect(run->tree, &what, &worker->tree_changed)
		                             : 0;

		if (ret)
			log_worker(worker->number, "unable to keep what it changed in '%s': %s",
			           kept, strerror(-ret));
	}
}

static int carry_out(struct run *run)
{
	int ret, status;

	announce(run);
	ret = run_supervise(run);
	if (ret)
		return refuse(strerror(-ret));
	notes_drain(run);
	database_settle(run); /* what it has to say is judged with the rest */
	collect(run);
	if (!run->plan->single)
		results_prune(run->results_dir, run->id);
	watching_finish(run);
	status = run_verdict(run);
	watching_report(run, status);
	database_close(run);
	return run_results_verdict(run, status);
}

static int plan_and_run(const struct run_options *options, struct plan *plan)
{
	cleanup_free char *error = NULL;
	struct run *run;
	int status;

	(void)run_reap(false, NULL);
	status = run_open(options, plan, &run, &error) ? refuse(error) : carry_out(run);
	database_close(run); /* nothing if the run got so far as to do it */
	allocate_end(run);
	run_remove_traces(run);
	guard_release(run);
	watching_close(run);
	/* what a private server has started: COPY ... TO PROGRAM */
	worker_kill_orphans(run, NULL);
	run_close(run);
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

		plan_describe(plan, options, &text);
		status = file_write_all(STDOUT_FILENO, text.text, text.len) ? EXIT_OURS : 0;
	} else {
		status = plan_and_run(options, plan);
	}
	plan_free(plan);
	return status;
}
