/* SPDX-License-Identifier: MIT */
/*
 * `berth report [RUN]` writes the requested formats from the record of a run. Without a format, it
 * prints text on a terminal, else Markdown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/common/results.h"
#include "tools/cli/common/term.h"
#include "tools/cli/verbs/show_report.h"

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void print_workers(const struct report_run *run)
{
	static const char *const names[] = { "WORKER", "TASK", "RESULT", "SECONDS",
		                             "FAILED TESTS" };
	struct term_table table = { .indent = 2 };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		term_cell(&table, names[i]);
	term_row(&table);
	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];
		int64_t ms = worker->until_ms - worker->from_ms;
		unsigned int failed = 0;

		for (size_t k = 0; k < run->failed_count; k++)
			failed += json_integer_value(json_object_get(run->failed[k], "worker")) ==
			          worker->number;
		term_cell_own(&table, report_worker_name(worker));
		term_cell(&table, worker->task);
		if (worker->exit_status)
			term_cellf(&table, "%s (%d)", worker->status, worker->exit_status);
		else if (*worker->error)
			term_cellf(&table, "%s: %s", worker->status, worker->error);
		else
			term_cell(&table, worker->status);
		term_cell_own(&table, worker->until_ms ? str_print("%.1f", (double)ms / 1000)
		                                       : str_copy("-"));
		term_cell_own(&table, failed ? str_print("%u", failed) : str_copy("-"));
		term_row(&table);
	}
	term_print(&table);
}

/* For people: what failed, then where the rest is. */
static int print_text(const struct report_run *run, const char *dir)
{
	const char *id = text_of(run->run, "id");

	term_printf("run %s in %s, %.1f s\n\n", id, text_of(run->run, "project"),
	            (double)(run->until_ms - run->from_ms) / 1000);
	print_workers(run);
	if (run->failed_count)
		term_printf("\nfailed tests:\n");
	for (size_t i = 0; i < run->failed_count; i++) {
		const char *error = text_of(run->failed[i], "error");

		term_printf("  w%d  %s\n",
		            (int)json_integer_value(json_object_get(run->failed[i], "worker")),
		            text_of(run->failed[i], "test"));
		if (*error)
			term_printf("        %s\n", error);
	}
	term_printf("\n%zu finding%s%s%s\nlogs and files: %s\n", run->finding_count,
	            run->finding_count == 1 ? "" : "s", run->finding_count ? ": berth leaks " : "",
	            run->finding_count ? id : "", dir);
	return 0;
}

int show_report(const struct cli *cli, const struct report_run *run,
                const struct report_options *options)
{
	const char *const files[REPORT_FORMATS] = {
		[REPORT_JSON] = cli->run.json_file,         [REPORT_JUNIT] = cli->run.junit_file,
		[REPORT_HTML] = cli->run.html_file,         [REPORT_TRACE] = cli->run.trace_file,
		[REPORT_MARKDOWN] = cli->run.markdown_file, [REPORT_GITLAB] = cli->run.gitlab_file,
		[REPORT_GITHUB] = cli->github ? "-" : NULL,
	};
	bool any = false;
	int status = 0;

	for (int format = 0; format < REPORT_FORMATS; format++) {
		int ret;

		if (!files[format])
			continue;
		any = true;
		ret = report_write(run, (enum report_format)format, options, files[format]);
		if (!ret)
			continue;
		log_line("unable to write the %s report '%s': %s", report_format_names[format],
		         files[format], strerror(-ret));
		status = 1;
	}
	if (any)
		return status;
	if (isatty(STDOUT_FILENO))
		return print_text(run, options->run_dir);
	return report_write(run, REPORT_MARKDOWN, options, "-") ? 1 : 0;
}

int verb_report(struct cli *cli)
{
	cleanup_free char *dir = NULL;
	cleanup_strv char **unmatched = NULL;
	struct report_options options = { .merge = cli->run.merge };
	struct report_run *run;
	int ret = results_load(cli, cli->args ? cli->args[0] : NULL, &run, &dir);

	if (ret)
		return ret;
	options.run_dir = dir;
	options.project_dir = json_string_value(json_object_get(run->run, "project"));
	ret = show_report(cli, run, &options);
	unmatched = report_unmatched(&options);
	for (char **pattern = unmatched; pattern && *pattern; pattern++)
		log_line("--merge '%s' matches no file", *pattern);
	report_run_free(run);
	return ret;
}
