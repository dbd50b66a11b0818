/* SPDX-License-Identifier: MIT */
/*
 * The mounts of one worker, made in its init process: the parts of parts.h, each over its own path.
 * Changes to an overlay go to SCRATCH/wN-layers, or to memory. The memory is mounted in the scratch
 * directory, because an upper directory may not lie below its lower one.
 *
 * A mount hides what lies below it, so all that is needed is opened before the first one.
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
#include <sys/statvfs.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/mounts.h"
#include "tools/tree/internal.h"

/* A part, opened before a mount hides it; -1 = no such path, or no layers. */
struct opened {
	int real, upper, work;
	struct stat info;    /* of the real one */
	unsigned long flags; /* of its mount */
};

/* The places of a worker's layers: on a disk, and in memory. And the layer that hides paths. */
struct places {
	int disk, memory, hiding; /* -1 = none */
};

static int make_dir(int place, size_t number, const char *name)
{
	cleanup_free char *path = str_print("%zu-%s", number, name);

	if (mkdirat(place, path, 0700))
		return -errno;
	return openat(place, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The top of an overlay has owner and mode of its upper directory: it must be as closed. */
static int copy_mode(const struct tree *tree, int dir, const struct stat *info)
{
	if (!geteuid() && !tree->namespaces.user && fchown(dir, info->st_uid, info->st_gid))
		return -errno;
	return fchmod(dir, info->st_mode & 07777) ? -errno : 0;
}

static int open_part(const struct tree *tree, size_t number, const struct places *places,
                     struct opened *opened)
{
	const struct tree_part *part = &tree->parts.list[number];
	int place = part->memory ? places->memory : places->disk;
	struct statvfs mounted;

	opened->real = open(part->path, O_PATH | O_CLOEXEC);
	if (opened->real < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(opened->real, &opened->info) || fstatvfs(opened->real, &mounted))
		return -errno;
	/* the constants of statvfs(3) and mount(2) are the same */
	opened->flags = mounted.f_flag & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
	if (part->kind != PART_OVERLAY)
		return 0;
	opened->upper = make_dir(place, number, "upper");
	opened->work = make_dir(place, number, "work");
	if (opened->upper < 0 || opened->work < 0)
		return -errno;
	return copy_mode(tree, opened->upper, &opened->info);
}

static int mount_memory(const struct tree *tree, const char *path, const struct stat *info)
{
	cleanup_close int fd = -1;

	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, NULL))
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : copy_mode(tree, fd, info);
}

/*
 * Without metacopy the upper directory has whole files for tree_collect(). In a user namespace the
 * kernel refuses redirect_dir, which renames directories.
 */
static int mount_overlay(const struct tree *tree, const char *path, const struct places *places,
                         const struct opened *opened)
{
	bool hides = places->hiding >= 0 && !strcmp(path, tree->view_dir);

	return mounts_add_overlay(&(struct mounts_overlay){
		.lower = opened->real,
		.upper = opened->upper,
		.work = opened->work,
		.hiding = hides ? &places->hiding : NULL,
		.target = path,
		.flags = opened->flags,
		.options = tree->namespaces.user
	                           ? ",userxattr,volatile"
	                           : ",metacopy=off,redirect_dir=on,index=off,volatile" });
}

static int mount_real(const char *path, const struct opened *opened)
{
	cleanup_free char *from = str_print("/proc/self/fd/%d", opened->real);

	return mount(from, path, NULL, MS_BIND | MS_REC, NULL) ? -errno : 0;
}

/* Below a directory that begins empty, the place of a part is missing. */
static int make_target(const char *path, const struct opened *opened)
{
	cleanup_free char *parent = str_copy(path);
	cleanup_close int fd = -1;
	int ret;

	if (!access(path, F_OK))
		return 0;
	if (S_ISDIR(opened->info.st_mode))
		return dir_make(path, 0755);
	*strrchr(parent, '/') = 0;
	ret = dir_make(parent, 0755);
	fd = ret ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return ret ? ret : fd < 0 ? -errno : 0;
}

static int mount_part(struct tree *tree, const struct tree_part *part, const struct places *places,
                      struct opened *opened)
{
	int ret;

	if (opened->real < 0)
		return 0;
	ret = make_target(part->path, opened);
	if (ret)
		return ret;
	if (part->kind == PART_EMPTY)
		return mount_memory(tree, part->path, &opened->info);
	if (part->kind == PART_REAL)
		return mount_real(part->path, opened);
	ret = mount_overlay(tree, part->path, places, opened);
	if (!ret && !tree->namespaces.user && !strcmp(part->path, tree->view_dir)) {
		tree->layers[0] = steal_fd(&opened->real);
		tree->layers[1] = steal_fd(&opened->upper);
	}
	return ret;
}

static int open_places(const struct tree *tree, unsigned int worker, struct places *places)
{
	cleanup_free char *disk = tree_place(tree, worker, "layers"),
			  *memory = tree_place(tree, worker, "memory"),
			  *hiding = tree_place(tree, 0, "hiding");
	const struct stat info = { .st_mode = 0700, .st_uid = geteuid(), .st_gid = getegid() };

	if (mkdir(disk, 0700) || mkdir(memory, 0700) || mount_memory(tree, memory, &info))
		return -errno;
	places->disk = open(disk, O_PATH | O_CLOEXEC);
	places->memory = open(memory, O_PATH | O_CLOEXEC);
	if (places->disk < 0 || places->memory < 0)
		return -errno;
	places->hiding = tree->hides ? open(hiding, O_PATH | O_CLOEXEC) : -1;
	return tree->hides && places->hiding < 0 ? -errno : 0;
}

/* A socket or FIFO of the machine, and the path at which workers reach it: see sockets.c. */
struct linked {
	int fd;
	char *target;
};

/* Put a symbolic link in place of @path into the upper directory of its part. */
static int put_link(const struct tree *tree, const struct opened *opened, const char *path,
                    const char *target)
{
	const struct tree_part *part = parts_above(&tree->parts, tree->parts.count, path);
	const struct opened *in = &opened[part - tree->parts.list];
	cleanup_free char *below = str_copy(tree_below(part->path, path));

	for (char *slash = below; (slash = strchr(slash, '/')); slash++) {
		struct stat info;

		*slash = 0;
		if (!mkdirat(in->upper, below, 0700)) {
			cleanup_close int fd = openat(in->upper, below, O_RDONLY | O_CLOEXEC);

			if (fd < 0 || fstatat(in->real, below, &info, 0))
				return -errno;
			(void)copy_mode(tree, fd, &info);
		}
		*slash = '/';
	}
	return symlinkat(target, in->upper, below) ? -errno : 0;
}

/* Before the mounts. Return: an array that ends with .target = NULL. */
static struct linked *link_sockets(const struct tree *tree, const struct opened *opened)
{
	cleanup_free char *base = str_copy(tree->scratch_dir);
	cleanup_strv char **paths = sockets_find(tree);
	struct linked *linked = mem_alloc((strv_len(paths) + 1) * sizeof(*linked));
	size_t count = 0;

	*strrchr(base, '/') = 0;
	for (char **path = paths; path && *path; path++) {
		cleanup_free char *target = str_print("%s/%zu", base, count);
		cleanup_close int fd = open(*path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0 && !put_link(tree, opened, *path, target))
			linked[count++] = (struct linked){ steal_fd(&fd), steal(&target) };
	}
	return linked;
}

/* After the mounts. A socket that cannot be bound is one that does not answer. */
static void bind_sockets(struct linked *linked)
{
	for (struct linked *one = linked; one->target; one++) {
		cleanup_close int fd = one->fd,
				  file = open(one->target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		cleanup_free char *from = str_print("/proc/self/fd/%d", fd);

		(void)mount(from, one->target, NULL, MS_BIND, NULL);
		free(one->target);
	}
	free(linked);
}

static int mount_parts(struct tree *tree, const struct places *places, struct opened *opened,
                       char **ret_path)
{
	const struct tree_parts *parts = &tree->parts;
	struct linked *linked = NULL;
	size_t at;
	int ret = 0;

	for (at = 0; at < parts->count && !ret; at++)
		ret = open_part(tree, at, places, &opened[at]);
	if (!ret)
		linked = link_sockets(tree, opened);
	for (at = ret ? at : 0; at < parts->count && !ret; at++)
		ret = mount_part(tree, &parts->list[at], places, &opened[at]);
	if (ret)
		*ret_path = str_copy(parts->list[at - 1].path);
	if (linked)
		bind_sockets(linked);
	return ret;
}

int overlay_enter(struct tree *tree, unsigned int worker, char **ret_path)
{
	struct places places = { -1, -1, -1 };
	struct opened *opened;
	int ret;

	opened = mem_alloc((tree->parts.count + 1) * sizeof(*opened));
	for (size_t i = 0; i < tree->parts.count; i++)
		opened[i].real = opened[i].upper = opened[i].work = -1;
	ret = open_places(tree, worker, &places);
	ret = ret ? ret : mount_parts(tree, &places, opened, ret_path);
	for (size_t i = 0; i < tree->parts.count; i++) {
		cleanup_close int real = opened[i].real, upper = opened[i].upper,
				  work = opened[i].work;
	}
	free(opened);
	close(places.disk);
	close(places.memory);
	close(places.hiding);
	return ret;
}
