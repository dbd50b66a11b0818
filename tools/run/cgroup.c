/* SPDX-License-Identifier: MIT */
/*
 * cgroup v2, found through /proc/self/mountinfo (it may be the second half of a hybrid host) and /proc/self/cgroup.
 * Nothing here needs a controller but the limits: `cgroup.kill` and CLONE_INTO_CGROUP work in any v2 hierarchy, so the
 * rule of no internal processes (cgroups(7)) is only met where limits are asked for.
 */
#include "tools/run/cgroup.h"

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

/* The mount point of cgroup v2: "36 35 0:30 / /sys/fs/cgroup rw ... - cgroup2 cgroup2 rw". */
static char *mount_point(char **ret_root)
{
	cleanup_free char *text = NULL;
	char *line, *rest;

	if (file_read("/proc/self/mountinfo", &text, NULL))
		return NULL;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		cleanup_strv char **words = NULL;

		if (!strstr(line, " - cgroup2 "))
			continue;
		words = strv_split(line, " ");
		if (strv_len(words) < 5)
			continue;
		*ret_root = str_copy(words[3]);
		return str_copy(words[4]);
	}
	return NULL;
}

/* Our own directory in it. */
static char *own_path(void)
{
	cleanup_free char *root = NULL, *text = NULL, *mount = mount_point(&root);
	const char *at;

	if (!mount || file_read("/proc/self/cgroup", &text, NULL))
		return NULL;
	for (at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (str_starts(at, "0::/"))
			break;
	if (!at || !*at)
		return NULL;
	at += strlen("0::");
	text[strcspn(at, "\n") + (size_t)(at - text)] = 0;
	if (strcmp(root, "/") && str_starts(at, root)) /* a bind mount of a part of the hierarchy */
		at += strlen(root);
	return str_print("%s%s", mount, strcmp(at, "/") ? at : "");
}

int cgroup_make(const char *run_id, char **ret_path)
{
	cleanup_free char *own = own_path(), *path = own ? str_print("%s/berth-%s", own, run_id) : NULL;
	int fd;

	if (!own)
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

static unsigned int put_limit(int dir, const char *file, const char *text)
{
	return file_put_at(dir, file, text) ? 1 : 0;
}

static unsigned int set_limits(const char *run_path, int dir, const struct cgroup_limits *limits)
{
	cleanup_free char *control = str_print("%s/cgroup.subtree_control", run_path);
	unsigned int unset = 0;
	char text[64];

	if (limits->mem_bytes) {
		(void)file_put(control, "+memory");
		snprintf(text, sizeof(text), "%llu", (unsigned long long)limits->mem_bytes);
		unset += put_limit(dir, "memory.max", text);
	}
	if (limits->cpu_cores > 0) {
		(void)file_put(control, "+cpu");
		snprintf(text, sizeof(text), "%ld 100000", (long)(limits->cpu_cores * 100000));
		unset += put_limit(dir, "cpu.max", text);
	}
	if (limits->pids) {
		(void)file_put(control, "+pids");
		snprintf(text, sizeof(text), "%u", limits->pids);
		unset += put_limit(dir, "pids.max", text);
	}
	return unset;
}

int cgroup_make_worker(const char *run_path, unsigned int worker, const struct cgroup_limits *limits,
		       unsigned int *ret_unset)
{
	cleanup_free char *path = str_print("%s/w%u", run_path, worker);
	cleanup_close int dir = -1;

	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	*ret_unset += set_limits(run_path, dir, limits);
	return steal_fd(&dir);
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

int cgroup_remove_named(const char *run_id, int64_t deadline_ms)
{
	cleanup_free char *own = own_path(), *path = own ? str_print("%s/berth-%s", own, run_id) : NULL;

	return !path || access(path, F_OK) ? 0 : cgroup_remove(path, deadline_ms);
}
