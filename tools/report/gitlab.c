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

/* The format demands a file: that of the suite's command, if none is known. */
static void find_place(const struct report_run *run, const struct report_options *options,
                       const json_t *finding, char **ret_file, int *ret_line)
{
	cleanup_free char *command = record_join(json_object_get(run->run, "command"), " ");
	json_t *suite = json_pack("{s:s}", "command", command);

	*ret_line = 1;
	if (!finding_find_place(finding, options, ret_file, ret_line) &&
	    !finding_find_place(suite, options, ret_file, ret_line))
		*ret_file = str_copy("berth.yaml");
	json_decref(suite);
}

static json_t *pack_issue(const struct report_run *run, const struct report_options *options,
                          size_t index)
{
	const json_t *finding = run->findings[index];
	cleanup_free char *workers = report_workers_of(run, index);
	cleanup_free char *description = str_print("%s: %s (%s)", workers,
	                                           record_text(finding, "detail"),
	                                           record_text(finding, "remedy"));
	cleanup_free char *file = NULL;
	int line;

	find_place(run, options, finding, &file, &line);
	return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:{s:i}}}", "description", description,
	                 "check_name", record_text(finding, "kind"), "fingerprint",
	                 record_text(finding, "fingerprint"), "severity", gitlab_severity(finding),
	                 "location", "path", file, "lines", "begin", line);
}

int report_gitlab(const struct report_run *run, const struct report_options *options,
                  struct str *text)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->finding_count; i++)
		if (run_is_shown(run, i))
			json_array_append_new(list, pack_issue(run, options, i));
	text_add_json(text, list, JSON_INDENT(2));
	return 0;
}
