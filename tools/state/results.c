/* SPDX-License-Identifier: MIT */
/*
 * The newest runs are those whose directories changed last. A run that is still alive is among
 * them, unless 50 others have ended since it wrote a file.
 */
#include "tools/state/results.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/state/runtime.h"

struct past_run {
	char *path;
	struct timespec changed;
};

static int newest_first(const void *a, const void *b)
{
	const struct past_run *left = a, *right = b;

	return clock_compare(&right->changed, &left->changed);
}

static size_t list_runs(const char *runs_dir, const char *own_id, struct past_run **ret_runs)
{
	cleanup_dir DIR *dir = opendir(runs_dir);
	struct past_run *runs = NULL;
	struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir))) {
		struct stat info;

		if (!runtime_is_id(entry->d_name) || !strcmp(entry->d_name, own_id) ||
		    fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISDIR(info.st_mode))
			continue;
		runs = mem_grow(runs, count + 1, sizeof(*runs));
		runs[count++] = (struct past_run){ str_print("%s/%s", runs_dir, entry->d_name),
			                           info.st_mtim };
	}
	*ret_runs = runs;
	return count;
}

/* A run keeps them in RUN/wN/tree. */
static void remove_trees(const char *run_dir)
{
	cleanup_dir DIR *dir = opendir(run_dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		cleanup_free char *tree = str_print("%s/%s/tree", run_dir, entry->d_name);

		if (entry->d_name[0] == 'w' && entry->d_type == DT_DIR)
			(void)dir_remove(tree);
	}
}

void results_prune(const char *results_dir, const char *own_id)
{
	cleanup_free char *runs_dir = str_print("%s/runs", results_dir);
	struct past_run *runs;
	size_t count = list_runs(runs_dir, own_id, &runs);

	if (count > 1)
		qsort(runs, count, sizeof(*runs), newest_first);
	for (size_t i = 0; i < count; i++) {
		if (i + 1 >= RESULTS_RUNS_KEPT)
			(void)dir_remove(runs[i].path);
		else if (i + 1 >= RESULTS_TREES_KEPT)
			remove_trees(runs[i].path);
		free(runs[i].path);
	}
	free(runs);
}
