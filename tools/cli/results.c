/* SPDX-License-Identifier: MIT */
/* Finding past runs: RESULTS/runs/ID/events.ndjson. The newest is the one whose record was written to last. */
#include "tools/cli/results.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/config.h"
#include "tools/cli/project.h"

char *results_dir(const struct cli *cli)
{
	cleanup_free char *config = NULL, *project = NULL;

	if (cli->run.results_dir)
		return str_copy(cli->run.results_dir);
	config = project_config("berth.yaml");
	project = project_find(config);
	return str_print("%s/.berth", project);
}

static char *newest_run(const char *results)
{
	cleanup_free char *runs = str_print("%s/runs", results);
	cleanup_dir DIR *dir = opendir(runs);
	struct timespec newest = { 0 };
	char *found = NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		cleanup_free char *path = str_print("%s/%s/events.ndjson", runs, entry->d_name);
		struct stat info;

		if (*entry->d_name == '.' || stat(path, &info) || info.st_mtim.tv_sec < newest.tv_sec ||
		    (info.st_mtim.tv_sec == newest.tv_sec && info.st_mtim.tv_nsec <= newest.tv_nsec))
			continue;
		newest = info.st_mtim;
		free(found);
		found = str_copy(entry->d_name);
	}
	return found;
}

int results_load(const struct cli *cli, const char *id, struct report_run **ret_run, char **ret_dir)
{
	cleanup_free char *results = results_dir(cli), *newest = id ? NULL : newest_run(results), *dir = NULL;
	int ret;

	if (id && strchr(id, '/'))
		return cli_usage(cli, "expected the id of a run such as 7f3a, got '%s'", id);
	if (!id && !newest) {
		log_line("no run has been recorded in '%s'", results);
		log_hint("berth run -- COMMAND");
		return 1;
	}
	dir = str_print("%s/runs/%s", results, id ? id : newest);
	ret = report_load(dir, ret_run);
	if (ret) {
		log_line("unable to read the record of run '%s' in '%s': %s", id ? id : newest, results, strerror(-ret));
		return EXIT_USAGE;
	}
	if (ret_dir)
		*ret_dir = steal(&dir);
	return 0;
}
