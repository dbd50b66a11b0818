/* SPDX-License-Identifier: MIT */
#include "tools/run/monitor/reports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/report/history/history.h"
#include "tools/report/report.h"

/* For programs: the same that `berth leaks --json` prints. */
static int write_findings(const char *dir, const struct report_run *run)
{
	cleanup_free char *path = str_print("%s/findings.json", dir), *text = NULL;
	json_t *list = json_array();

	for (size_t i = 0; i < run->finding_count; i++)
		json_array_append(list, run->findings[i]);
	text = json_dumps(list, JSON_INDENT(2));
	json_decref(list);
	return text ? file_replace(path, text, strlen(text), 0644) : -EINVAL;
}

static int write_files(const struct run_options *options, const struct report_run *run,
                       const struct report_options *how)
{
	const struct {
		const char *path;
		enum report_format format;
	} files[] = {
		{ options->json_file, REPORT_JSON },
		{ options->junit_file, REPORT_JUNIT },
		{ options->html_file, REPORT_HTML },
		{ options->trace_file, REPORT_TRACE },
		{ options->markdown_file, REPORT_MARKDOWN },
		{ options->gitlab_file, REPORT_GITLAB },
	};
	int first = 0;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int ret = files[i].path ? report_write(run, files[i].format, how, files[i].path)
		                        : 0;

		if (ret)
			log_line("unable to write the report '%s': %s", files[i].path,
			         strerror(-ret));
		first = first ? first : ret;
	}
	return first;
}

struct report_options reports_options(const struct run_context *context, char **collected)
{
	return (struct report_options){ .project_dir = context->project_dir,
		                        .run_dir = context->log_dir,
		                        .collected = collected,
		                        .merge = context->options->merge,
		                        .since_ns = context->started_wall_ns };
}

int reports_write(const struct run_context *context, char **collected)
{
	const struct report_options how = reports_options(context, collected);
	cleanup_strv char **unmatched = NULL;
	struct report_run *run;
	int ret = report_load(context->log_dir, &run), first, published, recorded;

	if (ret)
		return ret;
	first = write_findings(context->log_dir, run);
	ret = write_files(context->options, run, &how);
	unmatched = report_unmatched(&how);
	for (char **pattern = unmatched; pattern && *pattern; pattern++)
		log_line("--merge '%s' matches no file", *pattern);
	published = report_ci_publish(run, &how);
	if (published)
		log_line("unable to publish the report: %s", strerror(-published));
	recorded = history_record(context->results_dir, run);
	if (recorded)
		log_line("unable to add the run to the history '%s/history.sqlite': %s",
		         context->results_dir, history_error(recorded));
	report_run_free(run);
	return first ? first : ret;
}
