/* SPDX-License-Identifier: MIT */
/*
 * A worker's tree after its end, in the supervisor. The upper directory of an overlay holds exactly
 * what the worker changed. It moves to the results, or is copied if they are on another file
 * system. A file that the worker deleted is a whiteout there (a character device 0:0) and becomes a
 * line of a list beside the tree.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/base/table.h"
#include "tools/tree/internal.h"

enum { DEPTH_MAX = 128, SHARED_FILES_MAX = 50000 };

/* Called for each file below @root that is not a directory. @relative is its path below @root. */
typedef int (*entry_fn)(const char *root, const char *relative, const struct stat *info, void *arg);

static int walk(const char *root, const char *relative, int depth, entry_fn fn, void *arg)
{
	cleanup_free char *path = str_print("%s/%s", root, relative);
	cleanup_dir DIR *dir = opendir(path);
	struct dirent *entry;
	int ret = 0;

	while (dir && (entry = readdir(dir)) && !ret) {
		cleanup_free char *below = str_print("%s%s%s", relative, *relative ? "/" : "",
		                                     entry->d_name);
		struct stat info;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW))
			continue;
		if (!S_ISDIR(info.st_mode))
			ret = fn(root, below, &info, arg);
		else if (depth < DEPTH_MAX)
			ret = walk(root, below, depth + 1, fn, arg);
	}
	return ret;
}

static bool is_whiteout(const struct stat *info)
{
	return S_ISCHR(info->st_mode) && !info->st_rdev;
}

static int make_parent(const char *path)
{
	cleanup_free char *parent = str_copy(path);

	*strrchr(parent, '/') = 0;
	return dir_make(parent, 0777);
}

/* Copy the bytes from @at to @end. Both descriptors are at @at. */
static int copy_part(int from, int to, off_t at, off_t end)
{
	static char part[64 * 1024];

	while (at < end) {
		size_t left = (size_t)(end - at);
		ssize_t got = copy_file_range(from, NULL, to, NULL, left, 0);
		int ret;

		/* copy_file_range(2) does not work between all file systems */
		if (got < 0) {
			got = read(from, part, left < sizeof(part) ? left : sizeof(part));
			if (got < 0)
				return -errno;
			ret = file_write_all(to, part, (size_t)got);
			if (ret)
				return ret;
		}
		if (!got) /* a process has made the file shorter */
			return 0;
		at += got;
	}
	return 0;
}

/* Copy a file and leave its holes: copy_file_range(2) and write(2) would fill them. */
static int copy_data(int from, int to)
{
	struct stat info;
	off_t at = 0;
	int ret = fstat(from, &info) ? -errno : 0;

	while (!ret && at < info.st_size) {
		off_t data = lseek(from, at, SEEK_DATA), end;

		if (data < 0 && errno == ENXIO) /* only a hole is left, lseek(2) */
			break;
		end = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
		if (end < 0) { /* this file system does not tell */
			data = at;
			end = info.st_size;
		}
		if (lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0)
			return -errno;
		ret = copy_part(from, to, data, end);
		at = end;
	}
	if (!ret && ftruncate(to, info.st_size))
		ret = -errno;
	return ret;
}

static int copy_link(const char *from, const char *to)
{
	char target[4096];
	ssize_t len = readlink(from, target, sizeof(target) - 1);

	if (len < 0)
		return -errno;
	target[len] = 0;
	unlink(to);
	return symlink(target, to) ? -errno : 0;
}

struct copying {
	const char *to_dir;
	struct table linked; /* inode number -> its copy, of files with several names */
};

static void copying_end(struct copying *copying)
{
	table_free(&copying->linked, free);
}

/* An entry_fn. Skips sockets, pipes and devices. */
static int copy_entry(const char *root, const char *relative, const struct stat *info, void *arg)
{
	struct copying *copying = arg;
	cleanup_free char *from = str_print("%s/%s", root, relative);
	cleanup_free char *to = str_print("%s/%s", copying->to_dir, relative);
	const char *first = info->st_nlink > 1 ? table_get(&copying->linked, info->st_ino) : NULL;
	cleanup_close int in = -1, out = -1;
	int ret = make_parent(to);

	if (ret)
		return ret;
	if (S_ISLNK(info->st_mode))
		return copy_link(from, to);
	if (!S_ISREG(info->st_mode))
		return 0;
	if (first)
		return link(first, to) ? -errno : 0;
	in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	out = in < 0 ? -1
	             : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	                    info->st_mode & 0777);
	if (out < 0)
		return -errno;
	if (info->st_nlink > 1)
		table_set(&copying->linked, info->st_ino, str_copy(to));
	return copy_data(in, out);
}

/* Return: true, and *ret_text or NULL, if the directory has this attribute of overlayfs.rst. */
static bool has_attribute(const char *dir, const char *name, char **ret_text)
{
	char text[4096];
	ssize_t len = lgetxattr(dir, name, text, sizeof(text));

	if (len >= 0 && ret_text)
		*ret_text = str_copy_len(text, (size_t)len);
	return len >= 0;
}

int tree_fill_renamed(const char *project, const char *upper, const char *lower, bool renamed,
                      int depth)
{
	cleanup_dir DIR *dir = opendir(upper), *old = renamed && lower ? opendir(lower) : NULL;
	struct copying copying = { .to_dir = upper };
	cleanup_strv char **missing = NULL;
	struct dirent *entry;
	struct stat info;
	int ret = 0;

	while (old && (entry = readdir(old))) {
		cleanup_free char *path = str_print("%s/%s", upper, entry->d_name);

		if (lstat(path, &info))
			strv_add(&missing, entry->d_name);
	}
	while (dir && (entry = readdir(dir)) && !ret) {
		cleanup_free char *path = str_print("%s/%s", upper, entry->d_name);
		cleanup_free char *below = lower ? str_print("%s/%s", lower, entry->d_name) : NULL;
		cleanup_free char *place = NULL;
		bool moved;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    depth >= DEPTH_MAX || lstat(path, &info) || !S_ISDIR(info.st_mode))
			continue;
		moved = has_attribute(path, "trusted.overlay.redirect", &place);
		if (moved) {
			free(steal(&below));
			below = str_print("%s/%s", *place == '/' || !lower ? project : lower,
			                  place);
		} else if (has_attribute(path, "trusted.overlay.opaque", NULL)) {
			free(steal(&below));
		}
		ret = tree_fill_renamed(project, path, below, renamed || moved, depth + 1);
	}
	for (char **name = missing; name && *name && !ret; name++) {
		if (fstatat(dirfd(old), *name, &info, AT_SYMLINK_NOFOLLOW))
			continue;
		ret = S_ISDIR(info.st_mode) ? walk(lower, *name, 0, copy_entry, &copying)
		                            : copy_entry(lower, *name, &info, &copying);
	}
	copying_end(&copying);
	return ret;
}

struct tree_changes {
	unsigned int count;
	struct str deleted;
};

static int note_change(const char *root, const char *relative, const struct stat *info, void *arg)
{
	struct tree_changes *changes = arg;
	cleanup_free char *path = str_print("%s/%s", root, relative);

	changes->count++;
	if (!is_whiteout(info))
		return 0;
	str_addf(&changes->deleted, "%s\n", relative);
	return unlink(path) ? -errno : 0;
}

static int move_tree(const char *from, const char *to)
{
	struct copying copying = { .to_dir = to };
	int ret = make_parent(to);

	if (!ret && rename(from, to))
		ret = errno == EXDEV ? walk(from, "", 0, copy_entry, &copying) : -errno;
	copying_end(&copying);
	return ret;
}

struct glob_copy {
	char *const *globs;
	bool *matched; /* of each glob */
	struct copying copying;
};

/* A star matches a slash as well: "DIR/" and a star mean all files below DIR. */
static int copy_matching(const char *root, const char *relative, const struct stat *info, void *arg)
{
	struct glob_copy *copy = arg;
	bool matches = false;

	for (size_t i = 0; copy->globs[i]; i++)
		if (!fnmatch(copy->globs[i], relative, 0))
			matches = copy->matched[i] = true;
	return matches ? copy_entry(root, relative, info, &copy->copying) : 0;
}

/* Where test runners put what shows why a test failed. */
static const char *const report_globs[] = {
	"test-results/*", "*/test-results/*",      "playwright-report/*", "*/playwright-report/*",
	"blob-report/*",  "*/blob-report/*",       "coverage/*",          "*/coverage/*",
	"htmlcov/*",      "cypress/screenshots/*", "cypress/videos/*",    "*junit*.xml",
	"reports/*.xml",  "*/reports/*.xml",       "*test-report*.xml",   "*/TEST-*.xml",
};

static int64_t changed_ns(const struct stat *info)
{
	return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

struct report_copy {
	int64_t since_ns; /* 0 = all files were written by the worker */
	struct copying copying;
};

/* A link takes no space, and the tree may be removed before the link is. */
static int link_report(const char *root, const char *relative, const struct stat *info, void *arg)
{
	struct report_copy *reports = arg;
	cleanup_free char *from = str_print("%s/%s", root, relative);
	cleanup_free char *to = str_print("%s/%s", reports->copying.to_dir, relative);
	bool matches = false;
	int ret;

	for (size_t i = 0; i < ARRAY_LEN(report_globs) && !matches; i++)
		matches = !fnmatch(report_globs[i], relative, 0);
	if (!matches || !S_ISREG(info->st_mode) || changed_ns(info) < reports->since_ns ||
	    strstr(from + strlen(root), "/node_modules/"))
		return 0;
	ret = make_parent(to);
	if (ret || !link(from, to))
		return ret;
	return copy_entry(root, relative, info, &reports->copying);
}

/* The directory of what a worker has changed in the view. */
static char *view_upper(const struct tree *tree, unsigned int worker)
{
	cleanup_free char *layers = tree_place(tree, worker, "layers");
	size_t i = 0;

	while (i < tree->parts.count && strcmp(tree->parts.list[i].path, tree->view_dir))
		i++;
	return str_print("%s/%zu-upper", layers, i);
}

static int collect_overlay(const struct tree *tree, unsigned int worker, const char *to_dir,
                           unsigned int *ret_changed)
{
	cleanup_free char *upper = view_upper(tree, worker),
			  *list = str_print("%s.deleted", to_dir);
	struct tree_changes changes = { 0 };
	int ret = walk(upper, "", 0, note_change, &changes);

	*ret_changed = changes.count;
	if (!ret && changes.count)
		ret = move_tree(upper, to_dir);
	if (!ret && changes.deleted.len)
		ret = file_replace(list, changes.deleted.text, changes.deleted.len, 0644);
	str_free(&changes.deleted);
	return ret;
}

int tree_collect(const struct tree *tree, const struct tree_collect *collect,
                 unsigned int *ret_changed)
{
	cleanup_free char *copy = tree_place(tree, collect->worker, "copy");
	struct glob_copy matching = { collect->globs,
		                      collect->matched,
		                      { .to_dir = collect->collected_dir } };
	const char *below = tree_below(tree->view_dir, tree->project_dir);
	const char *from = tree->kind == TREE_OVERLAY ? collect->tree_dir : copy;
	cleanup_free char *project = str_print("%s/%s", from, below);
	int ret = 0;

	*ret_changed = 0;
	if (tree->kind == TREE_SHARED)
		return 0;
	if (tree->kind == TREE_OVERLAY)
		ret = collect_overlay(tree, collect->worker, collect->tree_dir, ret_changed);
	if (!ret && collect->globs && collect->globs[0]) {
		(void)dir_remove(collect->collected_dir); /* from an earlier run */
		ret = walk(project, "", 0, copy_matching, &matching);
		copying_end(&matching.copying);
	}
	if (!ret && collect->reports_dir) {
		struct report_copy reports = { from == copy ? collect->since_ns : 0,
			                       { .to_dir = collect->reports_dir } };

		ret = walk(project, "", 0, link_report, &reports);
		copying_end(&reports.copying);
	}
	if (!ret && from == copy && collect->keep)
		ret = move_tree(copy, collect->tree_dir);
	return ret;
}

struct shared_search {
	const struct tree *tree;
	int64_t since_ns;
	unsigned int seen, changed, max;
	char **names;
};

static int note_shared(const char *root, const char *relative, const struct stat *info, void *arg)
{
	struct shared_search *search = arg;
	cleanup_free char *path = str_print("%s/%s", root, relative);

	if (++search->seen > SHARED_FILES_MAX)
		return -E2BIG;
	if (changed_ns(info) < search->since_ns || tree_is_hidden(search->tree, path) ||
	    strstr(path, "/.git/"))
		return 0;
	if (search->changed++ < search->max)
		strv_add(&search->names, relative);
	return 0;
}

unsigned int tree_shared_changes(const struct tree *tree, int64_t since_ns, unsigned int max,
                                 char ***ret_names)
{
	struct shared_search search = { .tree = tree, .since_ns = since_ns, .max = max };

	(void)walk(tree->project_dir, "", 0, note_shared, &search);
	*ret_names = search.names;
	return search.changed;
}
