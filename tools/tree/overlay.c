/* SPDX-License-Identifier: MIT */
/*
 * The mounts of one worker, made in its init process, which has a mount namespace of its own:
 *
 *	the project	an overlay over itself; the worker's changes go to SCRATCH/wN-upper
 *	records		those in the project do not exist; others are behind an empty directory
 *	/tmp		an overlay over itself, in memory; needed paths are bound to the real ones
 *	/dev/shm	empty, private
 *
 * Mounts below the project (a volume on node_modules) would be hidden behind the overlay. They are
 * bound to the same path again, and all workers share them.
 *
 * Options of mount(2) name directories by descriptors, because a path may contain a comma. The
 * kernel removes all mounts after the worker's last process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/mounts.h"
#include "tools/tree/internal.h"

/* A path that is opened before a mount hides it, to be bound to the same path afterwards. */
struct kept_path {
	char *path;
	int fd;
	bool is_dir;
};

struct kept_paths {
	struct kept_path *list;
	size_t count;
};

static int keep_path(struct kept_paths *kept, const char *path)
{
	cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat info;

	if (fd < 0 || fstat(fd, &info))
		return -errno;
	kept->list = mem_grow(kept->list, kept->count + 1, sizeof(*kept->list));
	kept->list[kept->count++] = (struct kept_path){ str_copy(path), steal_fd(&fd),
		                                        S_ISDIR(info.st_mode) };
	return 0;
}

static void kept_free(struct kept_paths *kept)
{
	for (size_t i = 0; i < kept->count; i++) {
		close(kept->list[i].fd);
		free(kept->list[i].path);
	}
	free(kept->list);
}

static int bind_again(const struct kept_path *kept)
{
	char from[64];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", kept->fd);
	return mount(from, kept->path, NULL, MS_BIND | MS_REC, NULL) ? -errno : 0;
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

/* Keep the mounts below @dir. A recursive bind of a mount includes those below it. */
static int keep_mounts(struct kept_paths *kept, const char *dir)
{
	cleanup_strv char **lines = NULL;
	int ret = file_read_lines("/proc/self/mountinfo", &lines);

	for (char **line = lines; line && *line; line++) {
		cleanup_strv char **words = strv_split(*line, " ");
		const char *below;
		bool known = false;

		if (strv_len(words) < 5)
			continue;
		unescape(words[4]);
		below = tree_below(dir, words[4]);
		if (!below || !*below)
			continue;
		for (size_t i = 0; i < kept->count; i++)
			known = known || tree_below(kept->list[i].path, words[4]);
		/* a mount that we cannot open, the worker cannot open either */
		if (!known)
			(void)keep_path(kept, words[4]);
	}
	return ret;
}

/* @ret_layers: lower and upper; NULL = do not keep them open */
static int mount_overlay(struct mounts_overlay *overlay, const char *lower, const char *upper,
                         const char *work, int *ret_layers)
{
	cleanup_close int lower_fd = open(lower, O_PATH | O_CLOEXEC);
	cleanup_close int upper_fd = open(upper, O_PATH | O_CLOEXEC);
	cleanup_close int work_fd = open(work, O_PATH | O_CLOEXEC);

	int ret;

	if (lower_fd < 0 || upper_fd < 0 || work_fd < 0)
		return -errno;
	overlay->lower = lower_fd;
	overlay->upper = upper_fd;
	overlay->work = work_fd;
	ret = mounts_add_overlay(overlay);
	if (!ret && ret_layers) {
		ret_layers[0] = steal_fd(&lower_fd);
		ret_layers[1] = steal_fd(&upper_fd);
	}
	return ret;
}

/*
 * Without metacopy the upper directory has whole files for tree_collect(). In a user namespace the
 * kernel refuses redirect_dir, which renames directories.
 */
static int mount_project(struct tree *tree, unsigned int worker)
{
	cleanup_free char *upper = tree_place(tree, worker, "upper"),
			  *work = tree_place(tree, worker, "work");
	struct mounts_overlay overlay = {
		.target = tree->project_dir,
		.options = tree->namespaces.user
		                   ? ",userxattr,volatile"
		                   : ",metacopy=off,redirect_dir=on,index=off,volatile",
	};
	cleanup_free char *layer = tree_place(tree, 0, "hiding");
	cleanup_close int hiding = tree->hides ? open(layer, O_PATH | O_CLOEXEC) : -1;

	if (hiding >= 0)
		overlay.hiding = &hiding;
	else if (tree->hides)
		return -errno;

	return mount_overlay(&overlay, tree->project_dir, upper, work,
	                     tree->namespaces.user ? NULL : tree->layers);
}

static int enter_project(struct tree *tree, unsigned int worker, char **ret_error)
{
	struct kept_paths kept = { 0 };
	int ret = keep_mounts(&kept, tree->project_dir);

	if (!ret)
		ret = mount_project(tree, worker);
	if (ret)
		*ret_error = str_print("overlay over '%s'", tree->project_dir);
	for (size_t i = 0; i < kept.count && !ret; i++) {
		ret = bind_again(&kept.list[i]);
		if (ret)
			*ret_error = str_print("mount of '%s'", kept.list[i].path);
	}
	kept_free(&kept);
	return ret;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * The paths below /tmp that a worker needs: those that it is given, its working directory, and
 * every path in a variable of its environment (HOME, PATH, XDG_RUNTIME_DIR). Sorted, so that
 * parents come first.
 */
static char **needed_in_tmp(const struct tree *tree)
{
	char **all = strv_copy(tree->needed), **found = NULL;

	strv_add(&all, tree->project_dir);
	strv_add(&all, tree->cwd);
	strv_add(&all, "/tmp/.X11-unix");
	for (char **entry = environ; *entry; entry++) {
		const char *value = strchr(*entry, '=');
		cleanup_strv char **items = NULL;

		if (!value || str_starts(*entry, "TMPDIR=") || !strstr(value, "/tmp/"))
			continue;
		items = strv_split(value + 1, ":");
		for (char **item = items; item && *item; item++)
			strv_add(&all, *item);
	}
	for (char **path = all; *path; path++) {
		char *real = str_starts(*path, "/") ? realpath(*path, NULL) : NULL;

		if (real && tree_below("/tmp", real))
			strv_own(&found, real);
		else
			free(real);
	}
	strv_free(all);
	if (found)
		qsort(found, strv_len(found), sizeof(*found), by_path);
	return found;
}

bool overlay_can_hide_tmp(const struct tree *tree)
{
	cleanup_strv char **needed = needed_in_tmp(tree);

	return !strv_has(needed, "/tmp");
}

static int make_target(const struct kept_path *kept)
{
	cleanup_free char *parent = str_copy(kept->path);
	struct stat info;
	int fd, ret;

	if (!lstat(kept->path, &info))
		return 0;
	if (kept->is_dir)
		return dir_make(kept->path, 0755);
	*strrchr(parent, '/') = 0;
	ret = dir_make(parent, 0755);
	if (ret)
		return ret;
	fd = open(kept->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int mount_memory(const char *path, unsigned int mode)
{
	cleanup_free char *options = str_print("mode=%o", mode);

	return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) ? -errno : 0;
}

/* Cover the hidden directories that are not in the project, unless the worker works below one. */
static int cover_hidden(const struct tree *tree, const char *cwd, char **ret_error)
{
	int ret = 0;

	for (char **path = tree->hidden; path && *path && !ret; path++) {
		struct stat info;

		if (tree_below(tree->project_dir, *path) || tree_below(*path, tree->project_dir) ||
		    tree_below(*path, cwd) || stat(*path, &info) || !S_ISDIR(info.st_mode))
			continue;
		ret = mount_memory(*path, info.st_mode & 07777);
		if (ret)
			*ret_error = str_print("empty directory over '%s'", *path);
	}
	return ret;
}

/* An overlay hides sockets: the address of a socket is the inode of the lower file, unix(7). */
static void keep_sockets(struct kept_paths *kept, const char *dir, int depth)
{
	cleanup_dir DIR *entries = opendir(dir);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		cleanup_free char *path = str_print("%s/%s", dir, entry->d_name);

		if (entry->d_type == DT_SOCK)
			(void)keep_path(kept, path);
		else if (entry->d_type == DT_DIR && depth && strcmp(entry->d_name, ".") &&
		         strcmp(entry->d_name, ".."))
			keep_sockets(kept, path, depth - 1);
	}
}

/*
 * The worker sees what was in /tmp when it began; its changes go to memory. The memory is mounted
 * in the scratch directory, because an upper directory may not lie below its lower one.
 */
static int mount_tmp(const struct tree *tree, unsigned int worker)
{
	cleanup_free char *memory = tree_place(tree, worker, "memory");
	cleanup_free char *upper = str_print("%s/upper", memory),
			  *work = str_print("%s/work", memory);
	struct mounts_overlay overlay = { .target = "/tmp",
		                          .flags = MS_NOSUID | MS_NODEV,
		                          .options = tree->namespaces.user
		                                             ? ",userxattr,volatile"
		                                             : ",redirect_dir=on,volatile" };

	if ((mkdir(memory, 0700) && errno != EEXIST) || mount_memory(memory, 01777) ||
	    mkdir(upper, 0700) || mkdir(work, 0700) || chmod(upper, 01777))
		return -errno;
	return mount_overlay(&overlay, "/tmp", upper, work, NULL);
}

static int hide_tmp(const struct tree *tree, unsigned int worker, char **ret_error)
{
	cleanup_strv char **needed = needed_in_tmp(tree);
	struct kept_paths kept = { 0 };
	int ret;

	for (char **path = needed; path && *path; path++)
		if (!kept.count || !tree_below(kept.list[kept.count - 1].path, *path))
			(void)keep_path(&kept, *path);
	(void)keep_mounts(&kept, "/tmp");
	keep_sockets(&kept, "/tmp", 1);
	ret = mount_tmp(tree, worker);
	if (ret) /* this file system cannot be a lower layer: give the worker an empty /tmp */
		ret = mount_memory("/tmp", 01777);
	if (ret)
		*ret_error = str_copy("private /tmp");
	for (size_t i = 0; i < kept.count && !ret; i++) {
		ret = make_target(&kept.list[i]);
		if (!ret)
			ret = bind_again(&kept.list[i]);
		if (ret == -ENOENT && !kept.list[i].is_dir)
			ret = 0; /* a server has removed its socket meanwhile */
		if (ret)
			*ret_error = str_print("mount of '%s'", kept.list[i].path);
	}
	kept_free(&kept);
	return ret;
}

int overlay_enter(struct tree *tree, unsigned int worker, const char *cwd, char **ret_error)
{
	int ret = enter_project(tree, worker, ret_error);

	if (!ret && tree->private_tmp)
		ret = hide_tmp(tree, worker, ret_error);
	if (!ret)
		ret = cover_hidden(tree, cwd, ret_error);
	if (!ret && !access("/dev/shm", F_OK)) {
		ret = mount_memory("/dev/shm", 01777);
		if (ret)
			*ret_error = str_copy("private /dev/shm");
	}
	/* the old working directory is hidden by the new mounts */
	if (!ret && chdir(cwd)) {
		ret = -errno;
		*ret_error = str_print("working directory '%s'", cwd);
	}
	return ret;
}
