/* SPDX-License-Identifier: MIT */
/*
 * The default directory of a project has a file `project` with the project's path, so that the
 * records of a removed project can be removed, too.
 *
 * The newest runs are those whose directories changed last. A run that is still alive is among
 * them, unless 50 others have ended since it wrote a file.
 */
#include "tools/state/results.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/base/table.h"
#include "tools/process/child.h"
#include "tools/state/runtime.h"

enum { NAME_MAX_LEN = 40, GONE_DAYS_MAX = 30, MOVE_MAX_MS = 60000 };

/* What a results directory holds. */
static const char *const record_names[] = { "runs",
	                                    "collected",
	                                    "history.sqlite",
	                                    "learned-ports.json",
	                                    "allocated-ports.json",
	                                    "allocated-databases.json",
	                                    ".allocated-ports.lock" };

/* ---- where ---- */

static char *home_state_dir(void)
{
	const char *home = getenv("HOME");
	struct stat info;

	/* a home of another user (sudo with HOME kept) would get files that its owner cannot use */
	if (!home || *home != '/' || stat(home, &info) || !S_ISDIR(info.st_mode) ||
	    info.st_uid != geteuid() || access(home, W_OK | X_OK))
		return NULL;
	return str_print("%s/.local/state", home);
}

char *results_default(const char *project_dir, char **ret_parent, bool *ret_no_home)
{
	const char *state = getenv("XDG_STATE_HOME"), *name;
	cleanup_free char *real = realpath(project_dir, NULL), *home = NULL, *parent = NULL;
	const char *project = real ? real : project_dir;
	const char *temporary = access("/var/tmp", W_OK) && !access("/tmp", W_OK) ? "/tmp"
	                                                                          : "/var/tmp";
	char safe[NAME_MAX_LEN + 1];
	bool given = state && *state == '/'; /* a relative one is invalid, XDG base directories */

	home = given ? NULL : home_state_dir();
	parent = given || home ? str_print("%s/berth", given ? state : home)
	                       : str_print("%s/berth-state-%u", temporary, (unsigned int)geteuid());
	name = strrchr(project, '/');
	snprintf(safe, sizeof(safe), "%s", name && name[1] ? name + 1 : "root");
	for (char *at = safe; *at; at++)
		if (!isalnum((unsigned char)*at) && (!strchr("._-", *at) || at == safe))
			*at = '_';
	if (ret_no_home)
		*ret_no_home = !given && !home;
	if (ret_parent)
		*ret_parent = str_copy(parent);
	return str_print("%s/%s-%010llx", parent, safe,
	                 (unsigned long long)table_hash_text(TABLE_HASH, project) &
	                         0xffffffffffull);
}

/* ---- the default directory ---- */

/* Is it a results directory, of ours? */
static bool is_old_place(const char *dir)
{
	struct stat info;

	if (lstat(dir, &info) || !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
		return false;
	for (size_t i = 0; i < ARRAY_LEN(record_names); i++) {
		cleanup_free char *path = str_print("%s/%s", dir, record_names[i]);

		if (!access(path, F_OK))
			return true;
	}
	return false;
}

/* mv(1) also moves to another file system. */
static int move_dir(const char *from, const char *to)
{
	cleanup_strv char **argv = strv_of("mv", "-T", "--", from, to);
	cleanup_str struct str output = { 0 };
	cleanup_free char *ignore = str_print("%s/.gitignore", to);

	if (child_exec(&(struct child_program){ .argv = argv, .timeout_ms = MOVE_MAX_MS }, &output))
		return -EIO;
	unlink(ignore);
	return chmod(to, 0700) ? -errno : 0;
}

static int make_dir(const char *dir, const char *project_dir, bool no_home, char **ret_said)
{
	cleanup_free char *old = str_print("%s/.berth", project_dir), *note = NULL;
	cleanup_free char *real = realpath(project_dir, NULL);
	bool moves = is_old_place(old), moved = moves && !move_dir(old, dir);

	if (!moved && mkdir(dir, 0700))
		return errno == EEXIST ? 0 : -errno;
	note = str_print("%s/project", dir);
	if (moved)
		*ret_said = str_print("moved the results of earlier runs from '%s' to '%s'", old,
		                      dir);
	else if (moves)
		*ret_said = str_print("results go to '%s'; those in '%s' could not be moved", dir,
		                      old);
	else if (no_home)
		*ret_said = str_print("HOME is not a directory of this user: results go to '%s'",
		                      dir);
	return real ? file_replace(note, real, strlen(real), 0600) : 0;
}

int results_make_default(const char *project_dir, char **ret_said)
{
	cleanup_free char *parent = NULL, *state = NULL;
	bool no_home;
	cleanup_free char *dir = results_default(project_dir, &parent, &no_home);
	int ret;

	*ret_said = NULL;
	state = str_copy(parent);
	*strrchr(state, '/') = 0;
	ret = dir_make(*state ? state : "/", 0700);
	if (!ret)
		ret = dir_make_private(parent, 0700);
	if (ret || !access(dir, F_OK))
		return ret;
	return make_dir(dir, project_dir, no_home, ret_said);
}

void results_sweep(void)
{
	cleanup_free char *parent = NULL, *unused = results_default("/", &parent, NULL);
	cleanup_strv char **names = dir_list(parent);
	struct stat info;

	for (char **name = names; name && *name; name++) {
		cleanup_free char *dir = str_print("%s/%s", parent, *name);
		cleanup_free char *note = str_print("%s/project", dir), *project = NULL;

		if (!file_read(note, &project, NULL) && stat(project, &info) && errno == ENOENT &&
		    !stat(dir, &info) &&
		    clock_wall_ns() / 1000000000 - info.st_mtime > GONE_DAYS_MAX * 86400)
			(void)dir_remove(dir);
	}
}

/* ---- what workers must not see ---- */

/* "history.sqlite-wal", and the file that file_replace() makes beside its target, are records. */
static bool is_record(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(record_names); i++) {
		size_t len = strlen(record_names[i]);

		if (!strncmp(name, record_names[i], len) && (!name[len] || strchr(".-", name[len])))
			return true;
	}
	return false;
}

static void hide_in(const char *dir, char ***list)
{
	cleanup_strv char **names = dir_list(dir);
	bool others = false;

	for (char **name = names; name && *name; name++)
		others = others || !is_record(*name);
	if (!others) {
		strv_add(list, dir);
		return;
	}
	for (char **name = names; *name; name++)
		if (is_record(*name))
			strv_own(list, str_print("%s/%s", dir, *name));
	for (size_t i = 0; i < ARRAY_LEN(record_names); i++)
		if (!strv_has(names, record_names[i]))
			strv_own(list, str_print("%s/%s", dir, record_names[i]));
}

char **results_hidden(const char *project_dir, const char *results_dir)
{
	cleanup_free char *parent = NULL, *unused = results_default(project_dir, &parent, NULL);
	cleanup_free char *all = realpath(parent, NULL), *dir = realpath(results_dir, NULL);
	char **list = NULL;

	if (all)
		strv_add(&list, all);
	if (dir && (!all || strncmp(dir, all, strlen(all)) || dir[strlen(all)] != '/'))
		hide_in(dir, &list);
	return list;
}

/* ---- old runs ---- */

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

/* A run keeps them in RUN/wN/tree, and links to some of their files in RUN/wN/files. */
static void remove_trees(const char *run_dir)
{
	cleanup_dir DIR *dir = opendir(run_dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		cleanup_free char *tree = str_print("%s/%s/tree", run_dir, entry->d_name);
		cleanup_free char *files = str_print("%s/%s/files", run_dir, entry->d_name);

		if (entry->d_name[0] != 'w' || entry->d_type != DT_DIR)
			continue;
		(void)dir_remove(tree);
		(void)dir_remove(files);
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
