/* SPDX-License-Identifier: MIT */
/*
 * What belongs to a worker alone, in the supervisor:
 *
 *	the project, and the whole git work tree around it
 *	the git repository, if it is elsewhere: a linked work tree, a submodule
 *	directories to which links at the top of the project lead: node_modules, .venv
 *	$GIT_DIR, $CARGO_TARGET_DIR
 *	the home directory, without stores that are made for many users at once
 *	/tmp, /var/tmp, $TMPDIR, /dev/shm, $XDG_RUNTIME_DIR
 *	file systems that are mounted below any of these
 *
 * Inside of these, all workers share: the run-time files of the run, `share-paths`, and the
 * directories below /tmp that a variable of the environment names, as where a caller looks for
 * results.
 */
#include "tools/tree/parts.h"

#include <dirent.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/tree/internal.h"

/* Stores below HOME that have locks or names of their own for processes that run side by side. */
static const char *const stores[] = {
	".cache",      ".npm",         ".yarn",      ".local/share/pnpm",
	".pnpm-store", ".bun/install", "go/pkg/mod", ".nuget/packages",
};

/* Variables that name a directory which is shared or private by a rule of its own. */
static const char *const known_variables[] = { "HOME=", "TMPDIR=",  "TMP=",
	                                       "TEMP=", "PWD=",     "OLDPWD=",
	                                       "PATH=", "GIT_DIR=", "CARGO_TARGET_DIR=" };

static const char *const private_variables[] = { "GIT_DIR", "CARGO_TARGET_DIR", "TMPDIR" };

/* File systems of the kernel, and such as ask a program for each file. */
static const char *const no_lower[] = { "proc",    "sysfs",  "devpts", "devtmpfs", "cgroup",
	                                "cgroup2", "mqueue", "nsfs",   "autofs" };

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(text, list[i]))
			return true;
	return false;
}

/* The first part of a path stays. Return: the part; NULL if there is no such path, or it is /. */
static struct tree_part *add(struct tree_parts *parts, const char *path, enum part_kind kind)
{
	char *real = path && *path == '/' ? realpath(path, NULL) : NULL;
	struct tree_part *part;
	struct stat info;

	if (!real || !real[1] ||
	    (kind != PART_REAL && (stat(real, &info) || !S_ISDIR(info.st_mode)))) {
		free(real);
		return NULL;
	}
	for (size_t i = 0; i < parts->count; i++)
		if (!strcmp(parts->list[i].path, real)) {
			free(real);
			return &parts->list[i];
		}
	parts->list = mem_grow(parts->list, parts->count + 1, sizeof(*part));
	part = &parts->list[parts->count++];
	*part = (struct tree_part){ .path = real, .kind = kind };
	return part;
}

static void add_links(struct tree_parts *parts, const char *dir)
{
	cleanup_dir DIR *entries = opendir(dir);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		cleanup_free char *path = str_print("%s/%s", dir, entry->d_name);

		if (entry->d_type == DT_LNK && !access(path, W_OK))
			(void)add(parts, path, PART_OVERLAY);
	}
}

/* A relative path is below the project; ~ is the home directory. */
static void add_shared(struct tree *tree, const char *path)
{
	cleanup_free char *whole = *path == '/' ? str_copy(path)
	                           : str_starts(path, "~/")
	                                   ? str_print("%s%s", tree->home, path + 1)
	                                   : str_print("%s/%s", tree->project_dir, path);

	(void)add(&tree->parts, whole, PART_REAL);
}

static void add_home(struct tree_parts *parts, const char *home)
{
	for (size_t i = 0; i < ARRAY_LEN(stores); i++) {
		cleanup_free char *store = str_print("%s/%s", home, stores[i]);

		(void)add(parts, store, PART_REAL);
	}
	(void)add(parts, getenv("XDG_CACHE_HOME"), PART_REAL);
	(void)add(parts, home, PART_OVERLAY);
}

/* Directories below /tmp in the environment, unless what is private lies in them. */
static void add_named(struct tree *tree)
{
	struct tree_parts *parts = &tree->parts;
	size_t private_count = parts->count;

	for (char **entry = environ; *entry; entry++) {
		const char *value = strchr(*entry, '=');
		cleanup_free char *real = NULL;
		bool known = !value || str_starts(*entry, "XDG_");

		for (size_t i = 0; i < ARRAY_LEN(known_variables); i++)
			known = known || str_starts(*entry, known_variables[i]);
		real = known || !strstr(value, "/tmp/") ? NULL : realpath(value + 1, NULL);
		known = !real || !tree_below("/tmp", real) || !*tree_below("/tmp", real) ||
		        tree_below(real, tree->cwd) || tree_is_hidden(tree, real);
		for (size_t i = 0; i < private_count && !known; i++)
			known = parts->list[i].kind != PART_REAL &&
			        tree_below(real, parts->list[i].path);
		if (!known)
			(void)add(parts, real, PART_REAL);
	}
}

/* "\040" and the like in /proc/self/mountinfo. */
static void unescape(char *path)
{
	char *to = path;
	unsigned int code;

	for (char *from = path; *from; to++) {
		if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
			*to = (char)code;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = 0;
}

const struct tree_part *parts_above(const struct tree_parts *parts, size_t count, const char *path)
{
	const struct tree_part *found = NULL;

	for (size_t i = 0; i < count; i++) {
		const char *below = tree_below(parts->list[i].path, path);

		if (below && *below && (!found || tree_below(found->path, parts->list[i].path)))
			found = &parts->list[i];
	}
	return found;
}

static void add_mounts(struct tree_parts *parts)
{
	cleanup_strv char **lines = NULL;

	(void)file_read_lines("/proc/self/mountinfo", &lines);
	for (char **line = lines; line && *line; line++) {
		cleanup_strv char **words = strv_split(*line, " ");
		char **type = words;
		struct tree_part *part;
		struct stat info;
		bool real;

		if (strv_len(words) < 7)
			continue;
		while (type[1] && strcmp(*type, "-"))
			type++;
		type += type[1] != NULL;
		unescape(words[4]);
		if (!parts_above(parts, parts->count, words[4]) || stat(words[4], &info))
			continue;
		real = !S_ISDIR(info.st_mode) || str_starts(*type, "fuse") ||
		       is_one_of(*type, no_lower, ARRAY_LEN(no_lower));
		part = add(parts, words[4], real ? PART_REAL : PART_OVERLAY);
		if (part)
			part->mounted = true;
	}
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_part *)a)->path, ((const struct tree_part *)b)->path);
}

/*
 * Memory holds changes where the scratch directory lies below, or where the files are in memory,
 * and few changes of each worker: to make and remove the layers on a disk takes milliseconds.
 */
static bool in_memory(const struct tree *tree, const char *path)
{
	struct statfs info;
	bool few = !strcmp(path, tree->home) || !strcmp(path, "/var/tmp");

	return tree_below(path, tree->scratch_dir) || (few && strcmp(path, tree->view_dir)) ||
	       (!statfs(path, &info) && info.f_type == TMPFS_MAGIC);
}

/* Remove the parts that the part above them provides. */
static void reduce(struct tree *tree)
{
	struct tree_parts *parts = &tree->parts;
	size_t kept = 0;

	qsort(parts->list, parts->count, sizeof(*parts->list), by_path);
	for (size_t i = 0; i < parts->count; i++) {
		struct tree_part part = parts->list[i];
		const struct tree_part *above = parts_above(parts, kept, part.path);
		bool needed = part.kind == PART_REAL ? above && above->kind != PART_REAL
		              : part.mounted         ? !above || above->kind == PART_OVERLAY
		                                     : !above || above->kind != part.kind;

		part.memory = part.kind == PART_OVERLAY && in_memory(tree, part.path);
		/* the home directory may have another owner than what it lies in */
		if (needed || !strcmp(part.path, tree->view_dir) || !strcmp(part.path, tree->home))
			parts->list[kept++] = part;
		else
			free(part.path);
	}
	parts->count = kept;
}

bool parts_share(struct tree *tree, const char *path, const char *cause)
{
	struct tree_parts *parts = &tree->parts;
	bool tmp = !strcmp(path, "/tmp");

	if (!strcmp(path, tree->view_dir))
		return false;
	for (size_t i = 0; i < parts->count; i++) {
		struct tree_part *part = &parts->list[i];

		if (part->kind != PART_OVERLAY || strcmp(part->path, path))
			continue;
		part->kind = tmp ? PART_EMPTY : PART_REAL;
		if (!part->quiet)
			strv_own(&tree->notes,
			         str_print(tmp ? "'%s' begins empty in each worker: %s"
			                       : "'%s' is shared by all workers: %s",
			                   path, cause));
		if (tmp) /* our library must stay where LD_PRELOAD names it */
			(void)add(parts, tree->install_dir, PART_REAL);
		reduce(tree);
		return true;
	}
	return false;
}

void parts_free(struct tree_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		free(parts->list[i].path);
	free(parts->list);
}

void parts_find(struct tree *tree, const struct tree_setup *setup)
{
	cleanup_free char *base = str_copy(tree->scratch_dir), *runs = str_copy(setup->run_dir);
	struct tree_parts *parts = &tree->parts;
	cleanup_strv char **repository = NULL;
	struct tree_part *part;

	*strrchr(base, '/') = 0;
	*strrchr(runs, '/') = 0;
	(void)add(parts, tree->view_dir, PART_OVERLAY);
	for (char *const *path = setup->shared; path && *path; path++)
		add_shared(tree, *path);
	(void)add(parts, setup->run_dir, PART_REAL);
	(void)add(parts, runs, PART_EMPTY);
	(void)add(parts, base, PART_EMPTY);
	for (char **path = tree->hidden; path && *path; path++)
		if (!tree_below(tree->view_dir, *path) && !tree_below(*path, tree->view_dir) &&
		    !tree_below(*path, tree->cwd))
			(void)add(parts, *path, PART_EMPTY);
	(void)add(parts, "/dev/shm", PART_EMPTY);
	(void)add(parts, "/tmp", PART_OVERLAY);
	(void)add(parts, "/var/tmp", PART_OVERLAY);
	part = add(parts, getenv("XDG_RUNTIME_DIR"), PART_OVERLAY);
	if (part)
		part->quiet = true;
	for (size_t i = 0; i < ARRAY_LEN(private_variables); i++)
		(void)add(parts, getenv(private_variables[i]), PART_OVERLAY);
	git_dirs(tree->view_dir, &repository);
	for (char **dir = repository; dir && *dir; dir++)
		(void)add(parts, *dir, PART_OVERLAY);
	add_links(parts, tree->view_dir);
	if (strcmp(tree->view_dir, tree->project_dir))
		add_links(parts, tree->project_dir);
	if (setup->home == TREE_HOME_SHARED)
		(void)add(parts, tree->home, PART_REAL);
	else
		add_home(parts, tree->home);
	add_named(tree);
	add_mounts(parts);
	reduce(tree);
}
