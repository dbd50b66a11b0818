/* SPDX-License-Identifier: MIT */
/*
 * cgroup v2, found through /proc/self/mountinfo (it may be the second half of a hybrid host) and /proc/self/cgroup.
 * Nothing here needs a controller but the limits: `cgroup.kill` and CLONE_INTO_CGROUP work in any v2 hierarchy, so the
 * rule of no internal processes (cgroups(7)) is only met where limits are asked for.
 */
#include "tools/limits/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

/* Whether @word is one of those in @list, which ends at a space, a colon or a line's end: "rw,cpu,cpuacct". */
static bool lists(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (;; list++) {
		size_t span = strcspn(list, ", :\n");

		if (span == len && !strncmp(list, word, len))
			return true;
		list += span;
		if (*list != ',')
			return false;
	}
}

/* "36 35 0:30 / /sys/fs/cgroup rw ... - cgroup2 cgroup2 rw", or "... - cgroup cgroup rw,cpu,cpuacct". */
static bool is_mount_of(const char *line, const char *controller)
{
	const char *v1 = strstr(line, " - cgroup ");

	if (!controller)
		return strstr(line, " - cgroup2 ");
	v1 = v1 ? strrchr(v1, ' ') : NULL;
	return v1 && lists(v1 + 1, controller);
}

/* Where the hierarchy is mounted, and which part of it. */
static char *mount_point(const char *controller, char **ret_root)
{
	cleanup_free char *text = NULL;
	char *line, *rest;

	if (file_read("/proc/self/mountinfo", &text, NULL))
		return NULL;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		cleanup_strv char **words = NULL;

		if (!is_mount_of(line, controller))
			continue;
		words = strv_split(line, " ");
		if (strv_len(words) < 5)
			continue;
		*ret_root = str_copy(words[3]);
		return str_copy(words[4]);
	}
	return NULL;
}

int cgroup_open_root(void)
{
	cleanup_free char *root = NULL, *mount = mount_point(NULL, &root);
	int dir;

	if (!mount)
		return -ENOTSUP;
	dir = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

/* "0::/user.slice" is version 2, "4:memory:/user.slice" a hierarchy of version 1. */
static bool is_place_in(const char *line, const char *controller)
{
	const char *list = strchr(line, ':');

	if (!controller)
		return str_starts(line, "0::/");
	return list && lists(list + 1, controller);
}

/* Our own directory in version 2, or in the hierarchy of version 1 that has @controller. */
static char *own_path(const char *controller)
{
	cleanup_free char *root = NULL, *text = NULL, *mount = mount_point(controller, &root);
	char *line, *rest, *at;

	if (!mount || file_read("/proc/self/cgroup", &text, NULL))
		return NULL;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (is_place_in(line, controller))
			break;
	at = line ? strchr(line, '/') : NULL;
	if (!at)
		return NULL;
	/* a bind mount of a part of the hierarchy */
	if (strcmp(root, "/") && str_starts(at, root))
		at += strlen(root);
	return str_print("%s%s", mount, strcmp(at, "/") ? at : "");
}

char *cgroup_place(const char *controller, const char *run_id)
{
	cleanup_free char *own = own_path(controller);

	return own ? str_print("%s/berth-%s", own, run_id) : NULL;
}

int cgroup_make(const char *run_id, char **ret_path)
{
	cleanup_free char *path = cgroup_place(NULL, run_id);
	int fd;

	if (!path)
		return -ENOTSUP;
	if (mkdir(path, 0755))
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		rmdir(path);
		return fd;
	}
	*ret_path = steal(&path);
	return fd;
}

int cgroup_make_worker(const char *run_path, unsigned int worker)
{
	cleanup_free char *path = str_print("%s/w%u", run_path, worker);
	int dir;

	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

static int remove_children(const char *path, int64_t due_ms);

/* A killed process leaves its cgroup a little after it is dead to wait(2): rmdir says EBUSY until then. */
static int remove_one(const char *path, int64_t due_ms)
{
	cleanup_free char *kill_file = str_print("%s/cgroup.kill", path);
	int ret = remove_children(path, due_ms);

	if (ret)
		return ret;
	while (rmdir(path)) {
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY || clock_ms() >= due_ms)
			return -errno;
		(void)file_put(kill_file, "1");
		poll(NULL, 0, 1);
	}
	return 0;
}

static int remove_children(const char *path, int64_t due_ms)
{
	cleanup_dir DIR *dir = opendir(path);
	struct dirent *entry;
	int ret = 0;

	while (dir && (entry = readdir(dir)) && !ret) {
		cleanup_free char *child = str_print("%s/%s", path, entry->d_name);

		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			ret = remove_one(child, due_ms);
	}
	return ret;
}

int cgroup_remove(const char *path, int64_t deadline_ms)
{
	return remove_one(path, clock_ms() + deadline_ms);
}

int cgroup_remove_all(char *const *paths, int64_t deadline_ms)
{
	int ret = 0;

	for (; paths && *paths; paths++) {
		int one = cgroup_remove(*paths, deadline_ms);

		ret = ret ? ret : one;
	}
	return ret;
}

int cgroup_remove_named(const char *run_id, int64_t deadline_ms)
{
	cleanup_free char *path = cgroup_place(NULL, run_id);

	return !path || access(path, F_OK) ? 0 : cgroup_remove(path, deadline_ms);
}
