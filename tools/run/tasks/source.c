/* SPDX-License-Identifier: MIT */
/* In the process that becomes the supervisor, before the plan. */
#include "tools/run/tasks/source.h"

#include <errno.h>
#include <fts.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/process/child.h"
#include "tools/run/tasks/shard.h"

enum { LIST_TIMEOUT_MS = 10 * 60 * 1000 };

/* ---- --each-file ---- */

static bool is_skipped(const FTSENT *entry)
{
	return entry->fts_level > 0 &&
	       (*entry->fts_name == '.' || !strcmp(entry->fts_name, "node_modules"));
}

static void add_found(char ***names, const char *pattern);

/* The same for @dir and each directory below it that is neither hidden nor of packages. */
static void add_found_below(char ***names, char *dir, const char *pattern)
{
	char *roots[] = { dir, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

	for (FTSENT *entry; walk && (entry = fts_read(walk));) {
		cleanup_free char *below = NULL;

		if (entry->fts_info != FTS_D)
			continue;
		if (is_skipped(entry)) {
			fts_set(walk, entry, FTS_SKIP);
			continue;
		}
		below = str_print("%s/%s", entry->fts_path, pattern);
		add_found(names, str_starts(below, "./") ? below + 2 : below);
	}
	if (walk)
		fts_close(walk);
}

/* glob(3), and ** for any number of directories. */
static void add_found(char ***names, const char *pattern)
{
	const char *stars = strstr(pattern, "**");
	bool walks = stars && (stars == pattern || stars[-1] == '/') &&
	             (!stars[2] || stars[2] == '/');
	cleanup_free char *first = !walks ? str_copy(pattern)
	                           : stars == pattern
	                                   ? str_copy(".")
	                                   : str_copy_len(pattern, (size_t)(stars - pattern) - 1);
	const char *rest = walks && stars[2] && stars[3] ? stars + 3 : "*";
	glob_t found;

	if (glob(first, GLOB_BRACE, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *path = found.gl_pathv[i];
		struct stat info;

		if (walks)
			add_found_below(names, path, rest);
		else if (!stat(path, &info) && S_ISREG(info.st_mode) && !strv_has(*names, path))
			strv_add(names, path);
	}
	globfree(&found);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_files(const char *pattern, char ***tasks, char **ret_error)
{
	cleanup_strv char **names = NULL;

	add_found(&names, pattern);
	if (!names) {
		*ret_error = str_print("--each-file '%s' matches no file", pattern);
		return -EINVAL;
	}
	qsort(names, strv_len(names), sizeof(*names), compare);
	for (char **name = names; *name; name++)
		if (!strv_has(*tasks, *name))
			strv_add(tasks, *name);
	return 0;
}

/* ---- --each-command ---- */

static int add_printed(const char *command, char ***tasks, char **ret_error)
{
	cleanup_free char *cwd = getcwd(NULL, 0);
	char *argv[] = { "/bin/sh", "-c", (char *)(uintptr_t)command, NULL };
	const struct child_program program = {
		.argv = argv, .dir = cwd, .own_errors = true, .timeout_ms = LIST_TIMEOUT_MS
	};
	cleanup_str struct str output = { 0 };
	cleanup_strv char **lines = NULL;
	int status = child_exec(&program, &output);

	lines = strv_split(output.text ? output.text : "", "\r\n");
	for (char **line = lines; line && *line; line++)
		strv_add(tasks, *line);
	if (status > 0)
		*ret_error = str_print(
			"the command of --each-command, '%s', failed: exit status %d", command,
			status);
	else if (status < 0)
		*ret_error = str_print("unable to run the command of --each-command, '%s': %s",
		                       command, strerror(-status));
	else if (!lines)
		*ret_error = str_print("the command of --each-command, '%s', printed no task",
		                       command);
	return *ret_error ? -EINVAL : 0;
}

int tasks_find(struct run_options *options, char **ret_error)
{
	int ret = 0;

	for (char **glob = options->each_files; !ret && glob && *glob; glob++)
		ret = add_files(*glob, &options->tasks, ret_error);
	if (!ret && options->each_command)
		ret = add_printed(options->each_command, &options->tasks, ret_error);
	return ret;
}

/* ---- the part of this machine ---- */

int tasks_read_times(const char *path, char *const *tasks, int64_t *ret_ms, char **ret_error)
{
	cleanup_strv char **lines = NULL;
	int ret = file_read_lines(path, &lines);

	if (ret) {
		*ret_error = str_print("unable to read the times of tasks in '%s': %s", path,
		                       strerror(-ret));
		return -EINVAL;
	}
	for (char **line = lines; line && *line; line++) {
		char *end;
		int64_t ms = strtoll(*line, &end, 10);

		if (end == *line || *end != ' ' || ms < 0) {
			*ret_error = str_print(
				"'%s' has a line that is not MILLISECONDS TASK: '%s'", path, *line);
			return -EINVAL;
		}
		for (size_t i = 0; tasks && tasks[i]; i++)
			if (!strcmp(tasks[i], end + 1))
				ret_ms[i] = ms;
	}
	return 0;
}

int tasks_take_part(struct run_options *options, char *const *envp, char **ret_error)
{
	struct run_shard *shard = &options->shard;
	size_t count = strv_len(options->tasks);
	cleanup_free int64_t *ms = mem_alloc(count * sizeof(*ms));
	cleanup_free unsigned int *parts = mem_alloc(count * sizeof(*parts));
	const char *given = options->shard_given;
	int ret = 0;

	if (str_equal(given, "auto"))
		ret = shard_detect(envp, shard, ret_error);
	else if (given)
		ret = shard_parse(given, shard);

	if (!ret && options->shard_times)
		ret = tasks_read_times(options->shard_times, options->tasks, ms, ret_error);
	if (ret || !shard->count)
		return ret;
	options->list_hash = shard_hash(options->tasks, ms, shard->count);
	options->all_tasks = options->tasks;
	options->tasks = count ? mem_alloc((count + 1) * sizeof(*options->tasks)) : NULL;
	shard_divide(options->all_tasks, ms, shard->count, parts);
	for (size_t i = 0, at = 0; i < count; i++)
		if (parts[i] == shard->index)
			options->tasks[at++] = str_copy(options->all_tasks[i]);
	return 0;
}
