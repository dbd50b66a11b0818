/* SPDX-License-Identifier: MIT */
/*
 * `berth report [RUN]` writes the requested formats from the record of a run. Without a format, it
 * prints Markdown on stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/common/results.h"

static int write_all(const struct cli *cli, const struct report_run *run,
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
	return any ? status : report_write(run, REPORT_MARKDOWN, options, "-") ? 1 : 0;
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
	ret = write_all(cli, run, &options);
	unmatched = report_unmatched(&options);
	for (char **pattern = unmatched; pattern && *pattern; pattern++)
		log_line("--merge '%s' matches no file", *pattern);
	report_run_free(run);
	return ret;
}
