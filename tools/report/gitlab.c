/* SPDX-License-Identifier: MIT */
/* GitLab code quality: an array of issues, each with a fingerprint and a place in a file. */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

static const char *gitlab_severity(const json_t *finding)
{
	const char *severity = record_text(finding, "severity");

	return !strcmp(severity, "error")     ? "major"
	       : !strcmp(severity, "warning") ? "minor"
	                                      : "info";
}

static json_t *pack_issue(const struct report_run *run, const struct report_options *options,
                          const json_t *finding)
{
	cleanup_free char *worker = run_worker_title(run, record_number(finding, "worker"));
	cleanup_free char *description = str_print("%s (%s)", record_text(finding, "detail"),
	                                           record_text(finding, "remedy"));
	cleanup_free char *print = str_print("%s-%s", record_text(finding, "fingerprint"), worker);
	cleanup_free char *file = NULL;
	int line = 1;

	if (!finding_find_place(finding, options, &file, &line))
		file = str_copy("berth.yaml"); /* the format demands a file */
	return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:{s:i}}}", "description", description,
	                 "check_name", record_text(finding, "kind"), "fingerprint", print,
	                 "severity", gitlab_severity(finding), "location", "path", file, "lines",
	                 "begin", line);
}

int report_gitlab(const struct report_run *run, const struct report_options *options,
                  struct str *text)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->finding_count; i++)
		json_array_append_new(list, pack_issue(run, options, run->findings[i]));
	text_add_json(text, list, JSON_INDENT(2));
	return 0;
}
