/* SPDX-License-Identifier: MIT */
/*
 * `berth leaks` shows the findings of a run, the worst first, with place and remedy. The exit
 * status is 1 if there was a leak.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/results.h"
#include "tools/cli/common/term.h"

enum { FRAMES_SHOWN = 4 };

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static bool is_leak(const json_t *finding)
{
	return !strcmp(text_of(finding, "gate"), "leaks") &&
	       !json_is_true(json_object_get(finding, "known"));
}

static void add_row(struct term_table *table, const char *name, const char *text)
{
	if (!*text)
		return;
	term_cell(table, name);
	term_cell(table, text);
	term_row(table);
}

/* A mangled function name has no space to wrap at. Cut the name and keep the place behind it. */
static void add_frame(struct term_table *table, const char *label, const char *frame)
{
	const char *place = strrchr(frame, ' ');
	int width = (int)term_width() - 18, spare;
	cleanup_free char *cut = NULL;

	while (place && place > frame && place[-1] != ' ')
		place--;
	spare = width - (int)strlen(place ? place : "") - 4;
	if ((int)strlen(frame) > width && place && spare > 8)
		cut = str_print("%.*s... %s", spare, frame, place);
	add_row(table, label, cut ? cut : frame);
}

/*
 * Show the innermost frames, which are mostly the language runtime's, and the first frame of the
 * project's own code.
 */
static void add_stack(struct term_table *table, const json_t *stack, const char *directory)
{
	const json_t *frame;
	size_t i;

	json_array_foreach(stack, i, frame)
	{
		const char *text = json_string_value(frame);
		bool own = *directory && strstr(text, directory);

		if (i == FRAMES_SHOWN)
			add_row(table, "", "...");
		if (i < FRAMES_SHOWN || own)
			add_frame(table, i ? "" : "stack", text);
		if (i >= FRAMES_SHOWN && own)
			return;
	}
}

static void print_finding(const struct report_run *run, size_t index)
{
	const json_t *finding = run->findings[index];
	struct term_table table = { .indent = 4, .wrap = true };
	cleanup_free char *workers = report_workers_of(run, index), *test = report_test_of(finding);

	term_printf("%s: %s: %s%s\n", text_of(finding, "severity"), workers,
	            text_of(finding, "title"),
	            json_is_true(json_object_get(finding, "known")) ? " (known)" : "");
	term_paragraph(4, text_of(finding, "detail"));
	if (!strcmp(text_of(finding, "severity"), "note"))
		return; /* a note needs no action */
	add_row(&table, "test", test);
	add_row(&table, "command", text_of(finding, "command"));
	add_stack(&table, json_object_get(finding, "stack"), text_of(finding, "directory"));
	add_row(&table, "fingerprint", text_of(finding, "fingerprint"));
	add_row(&table, "to do", text_of(finding, "remedy"));
	term_print(&table);
	printf("\n");
}

static void print_json(const struct report_run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->finding_count; i++)
		json_array_append(list, run->findings[i]);
	output_json(list);
}

int verb_leaks(struct cli *cli)
{
	struct report_run *run;
	bool leaked = false;
	int ret = results_load(cli, cli->args ? cli->args[0] : NULL, &run, NULL);

	if (ret)
		return ret;
	for (size_t i = 0; i < run->finding_count; i++)
		leaked |= is_leak(run->findings[i]);
	if (cli->json)
		print_json(run);
	for (size_t i = 0; !cli->json && i < run->finding_count; i++)
		if (!report_is_repeated(run, i))
			print_finding(run, i);
	if (!cli->json && !run->finding_count)
		term_printf("run %s: no leaks and no conflicts\n", text_of(run->run, "id"));
	report_run_free(run);
	return leaked;
}
