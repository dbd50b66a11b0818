/* SPDX-License-Identifier: MIT */
/*
 * Continuous integration: which one this is, and what it wants.
 *
 * GitHub shows at most 10 errors, 10 warnings and 10 notices of a step, and drops the rest without a word. So the worst come
 * first, and where something is left out the last line of its kind says how many. Values escape %, CR and LF, properties
 * also : and , (docs.github.com, workflow commands).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/report/private.h"

enum { ANNOTATIONS_MOST = 10 };

static const struct ci_row {
	const char *variable, *name;
} systems[] = {
	{ "GITHUB_ACTIONS", "github" },
	{ "GITLAB_CI", "gitlab" },
	{ "BUILDKITE", "buildkite" },
	{ "CIRCLECI", "circleci" },
	{ "TF_BUILD", "azure" },
	{ "JENKINS_URL", "jenkins" },
	{ "TEAMCITY_VERSION", "teamcity" },
	{ "BITBUCKET_BUILD_NUMBER", "bitbucket" },
	{ "TRAVIS", "travis" },
	{ "DRONE", "drone" },
	{ "WOODPECKER_CI", "woodpecker" },
	{ "FORGEJO_ACTIONS", "github" },
	{ "GITEA_ACTIONS", "github" },
	{ "CI", "unknown" },
};

const char *report_ci(void)
{
	for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
		const char *value = getenv(systems[i].variable);

		if (value && *value && strcmp(value, "false") && strcmp(value, "0"))
			return systems[i].name;
	}
	return NULL;
}

static void add_value(struct str *text, const char *plain, bool property)
{
	for (; *plain; plain++) {
		if (*plain == '%' || *plain == '\r' || *plain == '\n' ||
		    (property && (*plain == ':' || *plain == ',')))
			str_addf(text, "%%%02X", *plain);
		else
			str_add_len(text, plain, 1);
	}
}

static void add_annotation(struct str *text, const char *command, const struct report_run *run,
                           const struct report_options *options, const json_t *finding)
{
	cleanup_free char *worker = worker_title(run, field_number(finding, "worker")),
			  *file = NULL;
	cleanup_free char *message = str_print("%s: %s\n%s", worker, field_text(finding, "detail"),
	                                       field_text(finding, "remedy"));
	int line;

	str_addf(text, "::%s title=", command);
	add_value(text, field_text(finding, "title"), true);
	if (finding_place(finding, options, &file, &line)) {
		str_add(text, ",file=");
		add_value(text, file, true);
		str_addf(text, ",line=%d", line);
	}
	str_add(text, "::");
	add_value(text, message, false);
	str_add(text, "\n");
}

static const struct annotation_row {
	const char *severity, *command;
} annotations[] = { { "error", "error" }, { "warning", "warning" }, { "note", "notice" } };

int report_github(const struct report_run *run, const struct report_options *options,
                  struct str *text)
{
	for (size_t k = 0; k < ARRAY_LEN(annotations); k++) {
		unsigned int all = findings_of(run, annotations[k].severity), shown = 0;
		/* room for "more" */
		unsigned int most = all > ANNOTATIONS_MOST ? ANNOTATIONS_MOST - 1
		                                           : ANNOTATIONS_MOST;

		for (size_t i = 0; i < run->finding_count && shown < most; i++) {
			if (strcmp(field_text(run->findings[i], "severity"),
			           annotations[k].severity))
				continue;
			add_annotation(text, annotations[k].command, run, options,
			               run->findings[i]);
			shown++;
		}
		if (all > shown)
			str_addf(text,
			         "::%s title=more findings::%u more are in the step summary\n",
			         annotations[k].command, all - shown);
	}
	return 0;
}

static int append(const char *path, const struct str *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : file_write_all(fd, text->text, text->len);
}

int report_ci_publish(const struct report_run *run, const struct report_options *options)
{
	const char *ci = report_ci(), *summary = getenv("GITHUB_STEP_SUMMARY");
	cleanup_str struct str text = { 0 };
	int ret;

	if (!ci || strcmp(ci, "github"))
		return 0;
	ret = report_write(run, REPORT_GITHUB, options, "-");
	if (ret || !summary || !*summary)
		return ret;
	ret = report_render(run, REPORT_MARKDOWN, options, &text);
	return ret ? ret : append(summary, &text);
}

/* ---- GitLab code quality: an array of issues, each with a place in a file and a fingerprint ---- */

static const char *gitlab_severity(const json_t *finding)
{
	const char *severity = field_text(finding, "severity");

	return !strcmp(severity, "error")     ? "major"
	       : !strcmp(severity, "warning") ? "minor"
	                                      : "info";
}

int report_gitlab(const struct report_run *run, const struct report_options *options,
                  struct str *text)
{
	json_t *list = json_array();
	cleanup_free char *dump = NULL;

	for (size_t i = 0; i < run->finding_count; i++) {
		const json_t *finding = run->findings[i];
		cleanup_free char *file = NULL,
				  *worker = worker_title(run, field_number(finding, "worker"));
		cleanup_free char *description = str_print("%s (%s)", field_text(finding, "detail"),
		                                           field_text(finding, "remedy"));
		cleanup_free char *print = str_print("%s-%s", field_text(finding, "fingerprint"),
		                                     worker);
		int line = 1;

		if (!finding_place(finding, options, &file, &line))
			file = str_copy("berth.yaml"); /* the format demands a file */
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:{s:i}}}", "description",
		                        description, "check_name", field_text(finding, "kind"),
		                        "fingerprint", print, "severity", gitlab_severity(finding),
		                        "location", "path", file, "lines", "begin", line));
	}
	dump = json_dumps(list, JSON_INDENT(2));
	json_decref(list);
	str_addf(text, "%s\n", dump);
	return 0;
}
