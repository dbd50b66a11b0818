/* SPDX-License-Identifier: MIT */
/* Finds past runs by their records, RESULTS/runs/ID/events.ndjson. The newest was written last. */
#include "tools/cli/common/results.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/log.h"
#include "tools/cli/settings/config.h"
#include "tools/cli/settings/project.h"
#include "tools/state/results.h"

/*
 * The results directory that berth.yaml at @path names; NULL if it names none. Mistakes elsewhere
 * in the file are ignored, because they must not hide results that exist.
 */
static char *dir_in_config(const char *path, const struct cli *cli)
{
	cleanup_strv char **errors = NULL;
	struct cli settings = { 0 };
	struct config *config;
	const char *profile;
	char *dir;

	if (config_read(path, &config, &errors))
		return NULL;
	(void)config_profile(config, cli, &profile);
	config_apply(config, profile, &settings);
	dir = steal(&settings.run.results_dir);
	cli_free(&settings);
	config_free(config);
	return dir;
}

static char *default_dir(const char *project)
{
	cleanup_free char *said = NULL, *old = str_print("%s/.berth", project);
	char *dir = results_default(project, NULL, NULL);

	/* an error shows when the records are read */
	if (access(dir, F_OK) && !access(old, F_OK))
		(void)results_make_default(project, &said);
	if (said)
		log_line("%s", said);
	return dir;
}

char *results_dir(const struct cli *cli)
{
	cleanup_free char *config = NULL, *project = NULL;
	char *dir;

	if (cli->run.results_dir)
		return str_copy(cli->run.results_dir);
	if (cli->run.project_dir) /* set by config_load() */
		return default_dir(cli->run.project_dir);
	config = project_config("berth.yaml");
	dir = config ? dir_in_config(config, cli) : NULL;
	if (dir)
		return dir;
	project = project_find(config);
	return default_dir(project);
}

struct past {
	char *id;
	struct timespec changed;
};

static int newest_first(const void *a, const void *b)
{
	const struct past *left = a, *right = b;

	return clock_compare(&right->changed, &left->changed);
}

char **results_runs(const char *results)
{
	cleanup_free char *runs = str_print("%s/runs", results);
	cleanup_dir DIR *dir = opendir(runs);
	cleanup_free struct past *found = NULL;
	char **ids = NULL;
	struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir))) {
		cleanup_free char *path = str_print("%s/%s/events.ndjson", runs, entry->d_name);
		struct stat info;

		if (*entry->d_name == '.' || stat(path, &info))
			continue;
		found = mem_grow(found, count + 1, sizeof(*found));
		found[count++] = (struct past){ str_copy(entry->d_name), info.st_mtim };
	}
	if (count)
		qsort(found, count, sizeof(*found), newest_first);
	for (size_t i = 0; i < count; i++)
		strv_own(&ids, found[i].id);
	return ids;
}

static char *newest_run(const char *results)
{
	char **runs = results_runs(results);
	char *newest = runs ? str_copy(runs[0]) : NULL;

	strv_free(runs);
	return newest;
}

int results_none(const char *results)
{
	log_line("no run has been recorded in '%s'", results);
	log_hint("berth run -- COMMAND");
	return 1;
}

int results_load(const struct cli *cli, const char *id, struct report_run **ret_run, char **ret_dir)
{
	cleanup_free char *results = results_dir(cli), *newest = id ? NULL : newest_run(results),
			  *dir = NULL;
	int ret;

	if (id && strchr(id, '/'))
		return cli_usage(cli, "expected the id of a run such as 7f3a, got '%s'", id);
	if (!id && !newest)
		return results_none(results);
	dir = str_print("%s/runs/%s", results, id ? id : newest);
	ret = report_load(dir, ret_run);
	if (ret) {
		log_line("unable to read the record of run '%s' in '%s': %s", id ? id : newest,
		         results, strerror(-ret));
		return 1;
	}
	if (ret_dir)
		*ret_dir = steal(&dir);
	return 0;
}

int results_unreadable(const struct cli *cli, int error)
{
	cleanup_free char *results = results_dir(cli);

	if (error == -ENOENT)
		return results_none(results);
	log_line("unable to read the history '%s/history.sqlite': %s", results,
	         history_error(error));
	return 1;
}

int results_history(const struct cli *cli, struct history **ret_history)
{
	cleanup_free char *results = results_dir(cli),
			  *path = str_print("%s/history.sqlite", results);

	return access(path, F_OK) ? -errno : history_open(path, ret_history);
}
