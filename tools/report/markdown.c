/* SPDX-License-Identifier: MIT */
/* Markdown: a line of result, the workers, the findings. Fits a step summary (1 MiB) however large the run was. */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

enum { FINDINGS_MOST = 100, STACK_MOST = 6, BYTES_MOST = 1000 << 10 };

/* In a table cell: no pipe, no line end, and HTML is HTML there as well. */
static void add_cell(struct str *text, const char *plain)
{
	cleanup_str struct str safe = { 0 };

	add_escaped(&safe, plain);
	for (const char *at = safe.text ? safe.text : ""; *at; at++)
		if (*at == '|')
			str_add(text, "\\|");
		else
			str_add_len(text, *at == '\n' ? " " : at, 1);
}

static void add_headline(struct str *text, const struct report_run *run)
{
	unsigned int passed = workers_with(run, "passed"), failed = workers_with(run, "failed");

	str_addf(text, "### Berth: %u passed, %u failed", passed, failed);
	if (run->run)
		str_addf(text, ", run %s", field_text(run->run, "id"));
	str_addf(text, "\n\n%u error%s, %u warning%s, %u note%s in ", findings_of(run, "error"),
	         findings_of(run, "error") == 1 ? "" : "s", findings_of(run, "warning"),
	         findings_of(run, "warning") == 1 ? "" : "s", findings_of(run, "note"),
	         findings_of(run, "note") == 1 ? "" : "s");
	add_seconds(text, run->until_ms - run->from_ms);
	str_add(text, " s\n");
	if (run->run && str_starts(field_text(run->run, "source"), "sampling")) {
		str_add(text, "\nSource: ");
		add_cell(text, field_text(run->run, "source"));
		str_add(text, "\n");
	}
}

static void add_workers(struct str *text, const struct report_run *run)
{
	str_add(text, "\n| worker | task | result | seconds |\n|---|---|---|---:|\n");
	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];

		str_addf(text, "| w%u | ", worker->number);
		add_cell(text, worker->task);
		str_addf(text, " | %s", worker->status);
		if (worker->exit_status)
			str_addf(text, " (%d)", worker->exit_status);
		str_add(text, " | ");
		if (worker->until_ms)
			add_seconds(text, worker->until_ms - worker->from_ms);
		str_add(text, " |\n");
	}
}

static void add_finding(struct str *text, const struct report_run *run, const json_t *finding)
{
	cleanup_free char *worker = worker_title(run, field_number(finding, "worker"));
	const json_t *stack = json_object_get(finding, "stack"), *frame;
	size_t i;

	str_addf(text, "\n- **%s** `", field_text(finding, "severity"));
	add_cell(text, field_text(finding, "kind"));
	str_add(text, "` ");
	add_cell(text, worker);
	str_add(text, ": ");
	add_cell(text, field_text(finding, "detail"));
	if (*field_text(finding, "test")) {
		str_add(text, ", in test ");
		add_cell(text, field_text(finding, "test"));
	}
	str_add(text, "  \n  ");
	add_cell(text, field_text(finding, "remedy"));
	str_add(text, "\n");
	json_array_foreach(stack, i, frame)
	{
		if (i == STACK_MOST)
			break;
		str_add(text, "  - `");
		add_cell(text, json_string_value(frame) ? json_string_value(frame) : "");
		str_add(text, "`\n");
	}
}

int report_markdown(const struct report_run *run, const struct report_options *options,
                    struct str *text)
{
	size_t told = 0;

	(void)options;
	add_headline(text, run);
	add_workers(text, run);
	for (; told < run->finding_count && told < FINDINGS_MOST && text->len < BYTES_MOST; told++)
		add_finding(text, run, run->findings[told]);
	if (run->finding_count > told)
		str_addf(text, "\n%zu more findings are in the run's findings.json\n",
		         run->finding_count - told);
	return 0;
}
