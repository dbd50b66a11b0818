/* SPDX-License-Identifier: MIT */
/* Continuous integration: which system this is, and what it wants without being asked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/report/report.h"

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

int report_ci_publish(const struct report_run *run, const struct report_options *options)
{
	const char *ci = report_ci(), *summary = getenv("GITHUB_STEP_SUMMARY");
	cleanup_str struct str text = { 0 };
	cleanup_close int fd = -1;
	int ret;

	if (!ci || strcmp(ci, "github"))
		return 0;
	ret = report_write(run, REPORT_GITHUB, options, "-");
	if (ret || !summary || !*summary)
		return ret;
	ret = report_render(run, REPORT_MARKDOWN, options, &text);
	if (ret)
		return ret;
	fd = open(summary, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : file_write_all(fd, text.text, text.len);
}
