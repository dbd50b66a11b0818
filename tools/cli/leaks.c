/* SPDX-License-Identifier: MIT */
/* `berth leaks`: what the last run found, worst first, with where and what to do. Exit status 1 if it found a leak. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/cli/output.h"
#include "tools/cli/results.h"
#include "tools/cli/term.h"

enum { FRAMES_SHOWN = 4 };

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static bool is_leak(const json_t *finding)
{
	return !strcmp(text_of(finding, "gate"), "leaks") && !json_is_true(json_object_get(finding, "known"));
}

static void print_stack(const json_t *stack)
{
	const json_t *frame;
	size_t i;

	json_array_foreach(stack, i, frame) {
		if (i == FRAMES_SHOWN) {
			printf("           ...\n");
			return;
		}
		printf("    %s %s\n", i ? "      " : "stack:", json_string_value(frame));
	}
}

static void print_finding(const json_t *finding)
{
	json_int_t worker = json_integer_value(json_object_get(finding, "worker"));
	json_int_t count = json_integer_value(json_object_get(finding, "count"));
	const char *task = text_of(finding, "task"), *test = text_of(finding, "test"), *command = text_of(finding, "command");

	printf("%s: ", text_of(finding, "severity"));
	if (worker)
		printf("w%lld%s%s%s: ", (long long)worker, *task ? " (" : "", task, *task ? ")" : "");
	printf("%s%s\n", text_of(finding, "title"), json_is_true(json_object_get(finding, "known")) ? " (known)" : "");
	term_paragraph(4, text_of(finding, "detail"));
	if (*test)
		printf("    test: %s\n", test);
	if (*command)
		printf("    command: %s\n", command);
	if (count > 1)
		printf("    %lld times\n", (long long)count);
	print_stack(json_object_get(finding, "stack"));
	printf("    fingerprint: %s\n", text_of(finding, "fingerprint"));
	term_paragraph(4, text_of(finding, "remedy"));
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
		print_finding(run->findings[i]);
	if (!cli->json && !run->finding_count)
		printf("run %s: nothing was left behind, and nothing collided\n", text_of(run->run, "id"));
	report_run_free(run);
	return leaked;
}
