/* SPDX-License-Identifier: MIT */
/*
 * Workflow commands for GitHub Actions.
 *
 * GitHub shows at most 10 errors, 10 warnings and 10 notices of a step and drops the others
 * silently. So the worst come first, and the last line of a kind says how many are left out. Failed
 * tests take half of the errors at most. A finding of several workers is one annotation. Values
 * escape %, CR and LF, properties also : and , (docs.github.com, "Workflow commands").
 */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

enum { ANNOTATIONS_MAX = 10 };

static void add_value(struct str *text, const char *plain, bool is_property)
{
	for (; *plain; plain++) {
		if (*plain == '%' || *plain == '\r' || *plain == '\n' ||
		    (is_property && (*plain == ':' || *plain == ',')))
			str_addf(text, "%%%02X", *plain);
		else
			str_add_len(text, plain, 1);
	}
}

static void add_annotation(struct str *text, const char *command, const struct report_run *run,
                           const struct report_options *options, size_t index)
{
	const json_t *finding = run->findings[index];
	cleanup_free char *worker = report_workers_of(run, index);
	cleanup_free char *message = str_print("%s: %s\n%s", worker, record_text(finding, "detail"),
	                                       record_text(finding, "remedy"));
	cleanup_free char *file = NULL;
	int line;

	str_addf(text, "::%s title=", command);
	add_value(text, record_text(finding, "title"), true);
	if (finding_find_place(finding, options, &file, &line)) {
		str_add(text, ",file=");
		add_value(text, file, true);
		str_addf(text, ",line=%d", line);
	}
	str_add(text, "::");
	add_value(text, message, false);
	str_add(text, "\n");
}

static bool is_shown(const struct report_run *run, size_t index, const char *severity)
{
	return run_is_shown(run, index) &&
	       !strcmp(record_text(run->findings[index], "severity"), severity);
}

/* @max: how many annotations of the kind are left. */
static void add_annotations(struct str *text, const struct report_run *run,
                            const struct report_options *options, const char *severity,
                            unsigned int max)
{
	const char *command = !strcmp(severity, "note") ? "notice" : severity;
	unsigned int all = 0, shown = 0;

	for (size_t i = 0; i < run->finding_count; i++)
		all += is_shown(run, i, severity);
	if (all > max && max)
		max--;
	for (size_t i = 0; i < run->finding_count && shown < max; i++) {
		if (!is_shown(run, i, severity))
			continue;
		add_annotation(text, command, run, options, i);
		shown++;
	}
	if (all > shown)
		str_addf(text, "::%s title=more findings::%u more are in the step summary\n",
		         command, all - shown);
}

/* Return: how many errors. Half of the limit is left for findings. */
static unsigned int add_failed_tests(struct str *text, const struct report_run *run,
                                     const struct report_options *options)
{
	unsigned int shown = 0;

	for (size_t i = 0; i < run->failed_count && shown < ANNOTATIONS_MAX / 2; i++) {
		const char *test = record_text(run->failed[i], "test");
		cleanup_free char *file = NULL;
		int line;

		if (run_is_repeated_test(run, i))
			continue;
		str_add(text, "::error title=");
		add_value(text, test, true);
		if (finding_find_place(run->failed[i], options, &file, &line)) {
			str_add(text, ",file=");
			add_value(text, file, true);
			str_addf(text, ",line=%d", line);
		}
		str_add(text, "::");
		add_value(text, record_text(run->failed[i], "error"), false);
		str_add(text, "\n");
		shown++;
	}
	return shown;
}

int report_github(const struct report_run *run, const struct report_options *options,
                  struct str *text)
{
	unsigned int tests = add_failed_tests(text, run, options);

	add_annotations(text, run, options, "error", ANNOTATIONS_MAX - tests);
	add_annotations(text, run, options, "warning", ANNOTATIONS_MAX);
	add_annotations(text, run, options, "note", ANNOTATIONS_MAX);
	return 0;
}
