/* SPDX-License-Identifier: MIT */
/* Markdown: result, workers, findings. It always fits a step summary of GitHub, 1 MiB. */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

enum { FINDINGS_MAX = 100, FAILED_MAX = 200, STACK_MAX = 6, BYTES_MAX = 1000 << 10 };

/*
 * A name from outside as text: no HTML, link, image, emphasis, code or cell of a table, and no
 * mention of a user, which would send a message. A comment after @ ends the mention; a backslash
 * does not.
 */
static void add_cell(struct str *text, const char *plain)
{
	cleanup_str struct str safe = { 0 };

	text_add_escaped(&safe, plain);
	for (const char *at = safe.text ? safe.text : ""; *at; at++) {
		if (strchr("\\`*_[]|~", *at))
			str_add(text, "\\");
		str_add_len(text, *at == '\n' ? " " : at, 1);
		if (*at == '@')
			str_add(text, "<!-- -->");
	}
}

/* The same as code, in which nothing is interpreted but the backtick that ends it. */
static void add_code(struct str *text, const char *plain)
{
	cleanup_free char *safe = str_copy(plain);

	str_plain(safe, "");
	for (char *at = safe; *at; at++)
		if (*at == '`')
			*at = '\'';
	str_addf(text, "`%s`", safe);
}

static void add_count(struct str *text, const struct report_run *run, const char *severity,
                      const char *end)
{
	unsigned int count = run_count_findings(run, severity);

	str_addf(text, "%u %s%s%s", count, severity, count == 1 ? "" : "s", end);
}

static void add_headline(struct str *text, const struct report_run *run)
{
	str_addf(text, "### Berth: %u passed, %u failed", run_count_workers(run, "passed"),
	         run_count_workers(run, "failed"));
	if (run->run)
		str_addf(text, ", run %s", record_text(run->run, "id"));
	str_add(text, "\n\n");
	add_count(text, run, "error", ", ");
	add_count(text, run, "warning", ", ");
	add_count(text, run, "note", " in ");
	text_add_seconds(text, run->until_ms - run->from_ms);
	str_add(text, " s\n");
	if (run->run && str_starts(record_text(run->run, "source"), "sampling")) {
		str_add(text, "\nSource: ");
		add_cell(text, record_text(run->run, "source"));
		str_add(text, "\n");
	}
}

static void add_workers(struct str *text, const struct report_run *run)
{
	str_add(text, "\n| worker | task | result | seconds |\n|---|---|---|---:|\n");
	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];
		cleanup_free char *name = report_worker_name(worker);

		str_addf(text, "| %s | ", name);
		add_cell(text, worker->task);
		str_addf(text, " | %s", worker->status);
		if (worker->exit_status)
			str_addf(text, " (%d)", worker->exit_status);
		str_add(text, *worker->error ? ": " : "");
		add_cell(text, worker->error);
		str_add(text, " | ");
		if (worker->until_ms)
			text_add_seconds(text, worker->until_ms - worker->from_ms);
		str_add(text, " |\n");
	}
}

static void add_failed_tests(struct str *text, const struct report_run *run)
{
	size_t shown = 0;

	if (run->failed_count)
		str_add(text, "\nFailed tests:\n\n");
	for (; shown < run->failed_count && shown < FAILED_MAX; shown++) {
		const json_t *failed = run->failed[shown];
		cleanup_free char *worker = run_worker_title(run, record_number(failed, "worker"));

		str_add(text, "- ");
		add_cell(text, worker);
		str_add(text, " ");
		add_code(text, record_text(failed, "test"));
		str_add(text, *record_text(failed, "error") ? ": " : "");
		add_cell(text, record_text(failed, "error"));
		str_add(text, "\n");
	}
	if (run->failed_count > shown)
		str_addf(text, "- and %zu more\n", run->failed_count - shown);
}

static void add_finding(struct str *text, const struct report_run *run, const json_t *finding)
{
	cleanup_free char *worker = run_worker_title(run, record_number(finding, "worker")),
			  *test = report_test_of(finding);
	const json_t *frame;
	size_t i;

	str_addf(text, "\n- **%s** ", record_text(finding, "severity"));
	add_code(text, record_text(finding, "kind"));
	str_add(text, " ");
	add_cell(text, worker);
	str_add(text, ": ");
	add_cell(text, record_text(finding, "detail"));
	if (*test) {
		str_add(text, ", in test ");
		add_cell(text, test);
	}
	str_add(text, "  \n  ");
	add_cell(text, record_text(finding, "remedy"));
	str_add(text, "\n");
	json_array_foreach(json_object_get(finding, "stack"), i, frame)
	{
		if (i == STACK_MAX)
			break;
		str_add(text, "  - ");
		add_code(text, record_string(frame));
		str_add(text, "\n");
	}
}

int report_markdown(const struct report_run *run, const struct report_options *options,
                    struct str *text)
{
	size_t shown = 0;

	(void)options;
	add_headline(text, run);
	add_failed_tests(text, run);
	add_workers(text, run);
	for (; shown < run->finding_count && shown < FINDINGS_MAX && text->len < BYTES_MAX; shown++)
		add_finding(text, run, run->findings[shown]);
	if (run->finding_count > shown)
		str_addf(text, "\n%zu more findings are in the run's findings.json\n",
		         run->finding_count - shown);
	return 0;
}
