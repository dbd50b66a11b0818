/* SPDX-License-Identifier: MIT */
/*
 * Workflow commands for GitHub Actions.
 *
 * GitHub shows at most 10 errors, 10 warnings and 10 notices of a step and drops the others
 * silently. So the worst come first, and the last line of a kind says how many are left out. Values
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
                           const struct report_options *options, const json_t *finding)
{
	cleanup_free char *worker = run_worker_title(run, record_number(finding, "worker"));
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

static void add_annotations(struct str *text, const struct report_run *run,
                            const struct report_options *options, const char *severity,
                            const char *command)
{
	unsigned int all = run_count_findings(run, severity), shown = 0;
	unsigned int max = all > ANNOTATIONS_MAX ? ANNOTATIONS_MAX - 1 : ANNOTATIONS_MAX;

	for (size_t i = 0; i < run->finding_count && shown < max; i++) {
		if (strcmp(record_text(run->findings[i], "severity"), severity))
			continue;
		add_annotation(text, command, run, options, run->findings[i]);
		shown++;
	}
	if (all > shown)
		str_addf(text, "::%s title=more findings::%u more are in the step summary\n",
		         command, all - shown);
}

int report_github(const struct report_run *run, const struct report_options *options,
                  struct str *text)
{
	add_annotations(text, run, options, "error", "error");
	add_annotations(text, run, options, "warning", "warning");
	add_annotations(text, run, options, "note", "notice");
	return 0;
}
