/* SPDX-License-Identifier: MIT */
/*
 * What comes of a run: the summary on stderr and the exit status.
 *
 * The suite's own failure outranks what Berth has found, because it is what people look at first; a finding turns a
 * success into a failure only where a gate says so. Workers that Berth itself ended early (--fail-fast) do not count:
 * their 143 would hide the status of the one that failed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/log.h"
#include "tools/run/database.h"
#include "tools/run/run.h"
#include "tools/run/watching.h"

enum { EXIT_ISOLATION = 120, EXIT_LEAKS = 121, EXIT_FOREIGN = 122, EXIT_OURS = 125 };

static int suite_status(const struct run *run)
{
	const struct run_worker *only = run->plan->single ? &run->workers[0] : NULL;
	int worst = 0;

	/* what a single command makes of it is its own affair */
	if (run->got_signal && !(only && only->pid && only->exited))
		return 128 + run->got_signal;
	for (unsigned int i = 0; i < run->count; i++) {
		const struct run_worker *worker = &run->workers[i];

		if (worker->end != END_FAIL_FAST && worker->status == STATE_FAILED &&
		    worker->exit_status > worst)
			worst = worker->exit_status;
	}
	return worst;
}

static bool any_leftover(const struct run *run)
{
	for (unsigned int i = 0; i < run->count; i++)
		if (run->workers[i].leftover_count)
			return true;
	return false;
}

static int gated_status(const struct run *run)
{
	if (run->lost_isolation && run->options->strict)
		return EXIT_ISOLATION;
	if (run->foreign && run->options->foreign == RUN_GATE_FAIL)
		return EXIT_FOREIGN;
	if (run->options->foreign == RUN_GATE_FAIL && watching_found(run, FINDING_GATE_FOREIGN))
		return EXIT_FOREIGN;
	if (run->options->leaks != RUN_GATE_FAIL)
		return 0;
	if (watching_found(run, FINDING_GATE_LEAKS))
		return EXIT_LEAKS;
	/* the watch knows what is allowed or known already; without it, whatever was left counts */
	return any_leftover(run) && !watching_works(run) ? EXIT_LEAKS : 0;
}

/* A run whose summary is all green and whose status is not says which setting made it so. */
static void show_gate(int status)
{
	if (status == EXIT_LEAKS)
		log_line("exit status %d: something was left open, and --leaks is 'fail'", status);
	else if (status == EXIT_FOREIGN)
		log_line("exit status %d: a server outside of the run was reached, and --foreign "
		         "is 'fail'",
		         status);
	else if (status == EXIT_ISOLATION)
		log_line("exit status %d: isolation was incomplete, and --strict is given", status);
}

static char *how_it_ended(const struct run *run, const struct run_worker *worker)
{
	const char *signal = worker->exit_status > 128 && worker->wait_status
	                             ? sigabbrev_np(worker->exit_status - 128)
	                             : NULL;

	if (worker->error)
		return str_copy(worker->error);
	if (worker->end == END_TIMEOUT)
		return str_print("timed out after %lld.%01lld s",
		                 (long long)run->options->timeout_ms / 1000,
		                 (long long)run->options->timeout_ms / 100 % 10);
	if (worker->end == END_FAIL_FAST)
		return str_copy("ended, because another worker failed");
	if (worker->end == END_SIGNAL)
		return str_copy("ended by signal");
	if (signal)
		return str_print("killed by SIG%s", signal);
	return str_print("exit status %d", worker->exit_status);
}

static void show_worker(const struct run *run, const struct run_worker *worker)
{
	cleanup_free char *how = NULL, *name = NULL;

	if (worker->status != STATE_FAILED)
		return;
	/* A single command's own failure needs no comment of ours. */
	if (run->plan->single && !worker->error && worker->end != END_TIMEOUT)
		return;
	how = how_it_ended(run, worker);
	name = worker_name(worker);
	if (run->plan->single)
		log_line("%s", how);
	else if (worker->log_path)
		log_line("%s failed: %s (%s)", name, how, worker->log_path);
	else
		log_line("%s failed: %s", name, how);
}

static void show_leftovers(const struct run *run, const struct run_worker *worker)
{
	cleanup_free char *name = worker_name(worker);
	struct str text = { 0 };

	if (!worker->leftover_count || run->options->leaks == RUN_GATE_OFF)
		return;
	str_addf(&text, "%s left %u process%s:", name, worker->leftover_count,
	         worker->leftover_count > 1 ? "es" : "");
	for (unsigned int i = 0; i < worker->leftover_count; i++) {
		const struct leftover *left = &worker->leftovers[i];

		str_addf(&text, "%s %.80s (pid %d%s)", i ? "," : "", left->command, (int)left->pid,
		         left->survived ? ", could not be ended" : "");
	}
	log_line("%s", text.text);
	str_free(&text);
}

static void show_finding(const struct note_finding *finding)
{
	log_line("%s: %s", finding->workers, finding->text);
	if (finding->database_url)
		log_hint("with --db %s every worker gets one of its own", finding->database_url);
}

static void show_shared(const struct run *run)
{
	enum { NAMES = 5 };
	cleanup_strv char **names = NULL;
	struct str text = { 0 };
	unsigned int count;

	if (!run->tree_reason || !run->over)
		return;
	count = tree_shared_changes(run->tree, run->started_wall_ns, NAMES, &names);
	if (!count)
		return;
	for (char **name = names; *name; name++)
		str_addf(&text, "%s%s", text.len ? ", " : "", *name);
	log_line("%u files of the shared tree were written during the run, perhaps by several "
	         "workers: %s%s",
	         count, text.text, count > NAMES ? ", ..." : "");
	str_free(&text);
}

/* What the ring of a port map or of the kernel had no room for: loss is shown. */
static void show_lost(const struct run *run)
{
	uint64_t lost = isolate_lost(run->isolate);

	for (unsigned int i = 0; i < run->count; i++)
		lost += run->workers[i].notes_lost;
	if (lost)
		log_line("%llu notes of the workers were lost: what is said of their ports is "
		         "incomplete",
		         (unsigned long long)lost);
}

static void show_totals(const struct run *run)
{
	int64_t ms = clock_ms() - run->started_ms;
	unsigned int passed = run->over - run->failed, never = run->count - run->over;

	if (run->plan->single)
		return;
	log_line("run %s: %u passed, %u failed%s%.0u%s, %lld.%01lld s", run->id, passed,
	         run->failed, never ? ", " : "", never, never ? " not started" : "",
	         (long long)ms / 1000, (long long)ms / 100 % 10);
}

int run_verdict(struct run *run)
{
	int status = suite_status(run);

	progress_clear();
	for (unsigned int i = 0; i < run->count; i++) {
		show_worker(run, &run->workers[i]);
		show_leftovers(run, &run->workers[i]);
	}
	for (unsigned int i = 0; i < run->finding_count; i++)
		show_finding(&run->findings[i]);
	show_lost(run);
	show_shared(run);
	show_totals(run);
	if (run->failed)
		database_hint(run);
	if (status)
		return status;
	status = gated_status(run);
	show_gate(status);
	return status;
}

/* ---- what could not be written ---- */

void run_lacks(struct run *run, int error)
{
	if (!run->lacking)
		run->lacking = error;
}

/* A green run whose reports are not what they seem is not green. What the suite itself says comes first. */
int run_results_verdict(const struct run *run, int status)
{
	if (!run->lacking)
		return status;
	log_line("the results of run '%s' in '%s' are not complete: %s", run->id, run->results_dir,
	         strerror(-run->lacking));
	if (run->lacking == -ENOSPC || run->lacking == -EDQUOT)
		log_hint("make room there, or choose another place with --results DIR");
	return status ? status : EXIT_OURS;
}
