/* SPDX-License-Identifier: MIT */
#include "tools/run/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/run/monitor/policy.h"

/*
 * Of so many failed workers the summary shows each with the end of its log; of more a table. So
 * many failed tests it shows.
 */
enum { TRACES_MAX = 3, TESTS_MAX = 10 };

/* ---- findings ---- */

/*
 * "w1 w3": the workers with the same finding, by number. Return: the caller's to free; "" if an
 * earlier finding is the same; NULL if it concerns the run as a whole.
 */
static char *affected_workers(const struct outcome *outcome, size_t index)
{
	const struct watch_finding *finding = watch_finding(outcome->watch, index);
	bool has[BERTH_WORKERS_MAX + 1] = { 0 };
	struct str names = { 0 };

	for (size_t i = 0; i < watch_finding_count(outcome->watch); i++) {
		const struct watch_finding *other = watch_finding(outcome->watch, i);

		if (strcmp(other->fingerprint, finding->fingerprint))
			continue;
		if (i < index)
			return str_copy("");
		has[other->worker] = true;
	}
	if (has[0])
		return NULL;
	for (unsigned int i = 1; i <= outcome->totals.count; i++)
		if (has[i])
			str_addf(&names, "%s%s", names.len ? " " : "",
			         worker_spec(outcome->workers[i - 1])->name);
	return str_take(&names);
}

/* The backend's note about a connection says the same. */
static bool is_noted(const struct notes *notes, const struct watch_finding *finding)
{
	enum berth_proto proto = str_equal(finding->protocol, "udp") ? BERTH_UDP : BERTH_TCP;

	return finding->kind == FINDING_foreign_connection &&
	       notes_has_foreign(notes, proto, finding->port);
}

static void show_findings(const struct outcome *outcome)
{
	for (size_t i = 0; i < watch_finding_count(outcome->watch); i++) {
		const struct watch_finding *finding = watch_finding(outcome->watch, i);
		cleanup_free char *workers = NULL;

		if (!policy_is_shown(finding, outcome->context->options) ||
		    is_noted(outcome->notes, finding))
			continue;
		workers = affected_workers(outcome, i);
		if (!workers)
			log_line("%s: %s", finding_table[finding->kind].title, finding->detail);
		else if (*workers)
			log_line("%s: %s: %s", workers, finding_table[finding->kind].title,
			         finding->detail);
	}
}

static void show_notes(const struct notes *notes)
{
	unsigned int count;
	const struct note_finding *list = notes_findings(notes, &count);

	for (unsigned int i = 0; i < count; i++) {
		if (list[i].more)
			log_line("%s: %s, and %llu more of this kind", list[i].workers,
			         list[i].text, (unsigned long long)list[i].more);
		else
			log_line("%s: %s", list[i].workers, list[i].text);
		if (list[i].database_url)
			log_hint("with --db %s every worker gets one of its own",
			         list[i].database_url);
		else if (list[i].kind == BERTH_NOTE_FOREIGN && list[i].proto == BERTH_TCP)
			log_hint("--port %u gives every worker a port %u of its own, --share %u "
			         "keeps that server",
			         list[i].port, list[i].port, list[i].port);
	}
}

/* ---- workers ---- */

static char *how_it_ended(const struct run_options *options, const struct worker_result *result)
{
	const char *signal = result->exit_status > 128 && result->wait_status
	                             ? sigabbrev_np(result->exit_status - 128)
	                             : NULL;

	if (result->error)
		return str_copy(result->error);
	if (result->end == END_TIMEOUT)
		return str_print("timed out after %lld.%01lld s",
		                 (long long)options->timeout_ms / 1000,
		                 (long long)options->timeout_ms / 100 % 10);
	if (result->end == END_FAIL_FAST)
		return str_copy("ended, because another worker failed");
	if (result->end == END_SIGNAL)
		return str_copy("ended by signal");
	if (signal)
		return str_print("killed by SIG%s", signal);
	return str_print("exit status %d", result->exit_status);
}

static void show_tail(const char *name, const char *log)
{
	cleanup_strv char **lines = file_read_tail(log, 20);

	for (char **line = lines; line && *line; line++)
		log_text("%s | %s", name, *line);
}

/* Return: "coverage, test-results"; NULL if the directory is empty or missing. */
static char *list_dir(const char *dir)
{
	cleanup_strv char **names = dir_list(dir);
	cleanup_str struct str text = { 0 };

	for (char **name = names; name && *name; name++)
		str_addf(&text, "%s%s", text.len ? ", " : "", *name);
	return text.len ? str_take(&text) : NULL;
}

/* What helps to find out why a worker failed: the end of its output, and where its files are. */
static void show_traces(const struct summary *summary, const struct worker_spec *spec,
                        const char *log)
{
	const struct run_context *context = summary->outcome->context;
	unsigned int changed = summary->changed[spec->number - 1];
	cleanup_free char *dir = str_print("%s/w%u/files", context->log_dir, spec->number),
			  *reports = list_dir(dir);

	/* in the other modes the whole log was shown when the worker ended */
	if (log && output_is_prefixed(summary->output) &&
	    !tests_of_worker(summary->tests, spec->number))
		show_tail(spec->name, log);
	if (changed)
		log_line("%s wrote %u file%s: %s/w%u/tree", spec->name, changed,
		         changed > 1 ? "s" : "", context->log_dir, spec->number);
	if (reports)
		log_line("%s wrote reports: %s (%s)", spec->name, dir, reports);
}

static void show_worker(const struct summary *summary, const struct run_worker *worker)
{
	const struct run_context *context = summary->outcome->context;
	const struct worker_result *result = worker_result(worker);
	const struct worker_spec *spec = worker_spec(worker);
	const char *log = output_log_path(summary->output, spec->number);
	cleanup_free char *how = NULL;

	if (result->status != STATE_FAILED)
		return;
	/* the failure of a single command needs no comment of ours */
	if (spec->single && !result->error && result->end != END_TIMEOUT)
		return;
	how = how_it_ended(context->options, result);
	if (spec->single)
		log_line("%s", how);
	else if (log)
		log_line("%s failed: %s (%s)", spec->name, how, log);
	else
		log_line("%s failed: %s", spec->name, how);
	show_traces(summary, spec, log);
}

/* "  cart   exit status 1   12.3 s  2 failed tests", one line for each failed worker */
static void show_table(const struct summary *summary)
{
	const struct outcome *outcome = summary->outcome;
	int width = 0;

	log_line("%u workers failed; logs and files of worker N: %s/wN.log, wN/",
	         outcome->totals.failed, outcome->context->log_dir);
	for (unsigned int i = 0; i < outcome->totals.count; i++) {
		int len = (int)strlen(worker_spec(outcome->workers[i])->name);

		width = len > width ? len : width;
	}
	for (unsigned int i = 0; i < outcome->totals.count; i++) {
		const struct worker_result *result = worker_result(outcome->workers[i]);
		const struct worker_spec *spec = worker_spec(outcome->workers[i]);
		unsigned int tests = tests_of_worker(summary->tests, spec->number);
		int64_t ms = result->started_ms ? result->ended_ms - result->started_ms : 0;
		cleanup_free char *how = NULL, *named = NULL;

		if (result->status != STATE_FAILED)
			continue;
		how = how_it_ended(outcome->context->options, result);
		named = tests ? str_print("%u failed test%s", tests, tests > 1 ? "s" : "")
		              : str_copy("");
		log_text("  w%-3u %-*s %7.1f s  %-16s %s", spec->number, width, spec->name,
		         (double)ms / 1000, how, named);
	}
}

static void show_leftovers(const struct run_worker *worker)
{
	const struct worker_result *result = worker_result(worker);
	cleanup_str struct str text = { 0 };

	if (!result->leftover_count)
		return;
	str_addf(&text, "%s left %u process%s:", worker_spec(worker)->name, result->leftover_count,
	         result->leftover_count > 1 ? "es" : "");
	for (unsigned int i = 0; i < result->leftover_count; i++) {
		const struct worker_leftover *leftover = &result->leftovers[i];

		str_addf(&text, "%s %.80s (pid %d%s)", i ? "," : "", leftover->command,
		         (int)leftover->pid, leftover->survived ? ", could not be ended" : "");
	}
	log_line("%s", text.text);
}

/* ---- the run ---- */

/* Notes that a ring had no space for. */
static void show_lost(const struct summary *summary)
{
	uint64_t lost = isolate_lost(summary->isolate) + notes_lost(summary->outcome->notes);

	if (lost)
		log_line("%llu notes of the workers were lost: the findings about their ports are "
		         "incomplete",
		         (unsigned long long)lost);
}

static void show_shared_tree(const struct summary *summary)
{
	enum { NAMES_MAX = 5 };
	cleanup_strv char **names = NULL;
	cleanup_str struct str text = { 0 };
	unsigned int count;

	if (!summary->shares_tree || !summary->outcome->totals.over)
		return;
	count = tree_shared_changes(summary->tree, summary->outcome->context->started_wall_ns,
	                            NAMES_MAX, &names);
	if (!count)
		return;
	for (char **name = names; *name; name++)
		str_addf(&text, "%s%s", text.len ? ", " : "", *name);
	log_line("%u files of the shared tree were written during the run, perhaps by several "
	         "workers: %s%s",
	         count, text.text, count > NAMES_MAX ? ", ..." : "");
}

/* ---- failed tests ---- */

/* The workers in which test @index failed, "w1 w2"; NULL if an earlier one is the same test. */
static char *failed_workers(const struct summary *summary, size_t index)
{
	const char *test = tests_get(summary->tests, index)->test;
	bool has[BERTH_WORKERS_MAX + 1] = { 0 };
	struct str names = { 0 };

	for (size_t i = 0; i < tests_count(summary->tests); i++) {
		const struct failed_test *other = tests_get(summary->tests, i);
		bool same = !strcmp(other->test, test);

		if (same && i < index)
			return NULL;
		has[other->worker] |= same;
	}
	for (unsigned int i = 1; i <= summary->outcome->totals.count; i++)
		if (has[i])
			str_addf(&names, "%s%s", names.len ? " " : "",
			         worker_spec(summary->outcome->workers[i - 1])->name);
	return str_take(&names);
}

static void show_tests(const struct summary *summary)
{
	unsigned int count = 0;

	for (size_t i = 0; i < tests_count(summary->tests); i++) {
		cleanup_free char *workers = failed_workers(summary, i);
		const struct failed_test *failed = tests_get(summary->tests, i);

		if (!workers || ++count > TESTS_MAX)
			continue;
		if (count == 1)
			log_line("failed tests:");
		log_text("  %s%s%s", failed->test, *workers ? ", in " : "", workers);
		if (*failed->error)
			log_text("      %s", failed->error);
	}
	if (count > TESTS_MAX)
		log_text("  and %u more: berth report %s", count - TESTS_MAX,
		         summary->outcome->context->id);
}

/* "2 tests did not agree: a.js:9 pays twice passed 7 of 8, b.js:5 adds passed 1 of 8" */
static void show_flaky(const struct summary *summary)
{
	enum { NAMES_MAX = 3 };
	cleanup_str struct str text = { 0 };
	const struct tests_tally *tally;
	size_t at = 0;
	unsigned int count = 0;

	while ((tally = tests_next_flaky(summary->tests, &at)))
		if (++count <= NAMES_MAX)
			str_addf(&text, "%s%s passed %u of %u", count > 1 ? ", " : "", tally->test,
			         tally->rate.passed, tally->rate.count);
	if (!count)
		return;
	if (count > NAMES_MAX)
		str_addf(&text, ", and %u more: berth flaky", count - NAMES_MAX);
	log_line("%u test%s did not agree: %s", count, count > 1 ? "s" : "", text.text);
}

/* What the user may want to do now. */
static void show_next(const struct summary *summary)
{
	const struct outcome *outcome = summary->outcome;

	for (unsigned int i = 0; i < outcome->totals.count; i++) {
		cleanup_free char *dir = str_print("%s/w%u/files/playwright-report",
		                                   outcome->context->log_dir, i + 1);
		cleanup_free char *page = str_print("%s/index.html", dir), *word = NULL;

		if (access(page, F_OK))
			continue;
		word = str_shell_word(dir);
		log_hint("npx playwright show-report %s", word);
		break;
	}
	if (strv_len(outcome->context->options->tasks) > 1 && outcome->totals.failed &&
	    outcome->totals.failed < outcome->totals.count)
		log_hint("the same command with --last-failed runs the other tasks only");
}

static void show_totals(const struct outcome *outcome)
{
	int64_t ms = clock_ms() - outcome->context->started_ms;
	struct queue_totals totals = outcome->totals;
	unsigned int never = totals.count - totals.over;

	if (outcome->context->plan->single)
		return;
	log_line("run %s: %u passed, %u failed%s%.0u%s, %lld.%01lld s", outcome->context->id,
	         totals.over - totals.failed, totals.failed, never ? ", " : "", never,
	         never ? " not started" : "", (long long)ms / 1000, (long long)ms / 100 % 10);
}

void summary_show(const struct summary *summary)
{
	const struct outcome *outcome = summary->outcome;
	bool shows_leaks = outcome->context->options->leaks != RUN_GATE_OFF;
	bool many = outcome->totals.failed > TRACES_MAX;

	if (outcome->watch)
		show_findings(outcome);
	for (unsigned int i = 0; i < outcome->totals.count; i++) {
		if (!many)
			show_worker(summary, outcome->workers[i]);
		if (shows_leaks)
			show_leftovers(outcome->workers[i]);
	}
	if (many)
		show_table(summary);
	show_notes(outcome->notes);
	show_lost(summary);
	show_shared_tree(summary);
	if (!outcome->context->plan->single)
		show_tests(summary);
	show_flaky(summary);
	if (outcome->context->options->flaky && outcome->tests == TESTS_UNKNOWN) {
		log_line("--flaky: no results of tests are known");
		log_hint("add a reporter to the test command, see berth help flaky");
	}
	show_totals(outcome);
	show_next(summary);
}

void summary_show_gate(int status)
{
	if (status == VERDICT_LEAKS)
		log_line("exit status %d: something was left open, and --leaks is 'fail'", status);
	else if (status == VERDICT_FOREIGN)
		log_line("exit status %d: a server outside of the run was reached, and --foreign "
		         "is 'fail'",
		         status);
	else if (status == VERDICT_FLAKY)
		log_line("exit status %d: tests are flaky, and --flaky is given", status);
	else if (status == VERDICT_ISOLATION)
		log_line("exit status %d: isolation was incomplete, and --strict is given", status);
}

void summary_show_unshown(const struct run_context *context, int to, int error)
{
	log_line("unable to write to %s: %s", to == STDOUT_FILENO ? "stdout" : "stderr",
	         strerror(-error));
	log_hint("read the workers' logs in %s", context->log_dir);
}

void summary_show_incomplete(const struct run_context *context, int error)
{
	log_line("the results of run '%s' in '%s' are not complete: %s", context->id,
	         context->results_dir, strerror(-error));
	if (error == -ENOSPC || error == -EDQUOT)
		log_hint("free some space there, or choose another place with --results DIR");
}
