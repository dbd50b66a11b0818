/* SPDX-License-Identifier: MIT */
/*
 * /proc/self/mountinfo says where hierarchies are mounted, version 2 and perhaps version 1 beside
 * it; /proc/self/cgroup says where we are in them. Runs in the supervisor and in commands that
 * clean up.
 *
 * `cgroup.kill` and CLONE_INTO_CGROUP need no controller, so that a run without limits may have
 * processes in inner cgroups ("no internal processes", cgroups(7)).
 */
#include "tools/limits/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

/* True if @word is in @list, "rw,cpu,cpuacct" up to a space, a colon or the end of the line. */
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

/*
 * A line of mountinfo: "36 35 0:30 / /sys/fs/cgroup rw - cgroup2 ...", "... - cgroup name rw,cpu".
 */
static bool is_mount_of(const char *line, const char *controller)
{
	const char *v1 = strstr(line, " - cgroup ");

	if (!controller)
		return strstr(line, " - cgroup2 ");
	v1 = v1 ? strrchr(v1, ' ') : NULL;
	return v1 && lists(v1 + 1, controller);
}

/* Return: where the hierarchy is mounted; *ret_root, which part of it. */
static char *mount_point(const char *controller, char **ret_root)
{
	cleanup_strv char **lines = NULL;

	(void)file_read_lines("/proc/self/mountinfo", &lines);
	for (char **line = lines; line && *line; line++) {
		cleanup_strv char **words = strv_split(*line, " ");

		if (!is_mount_of(*line, controller) || strv_len(words) < 5)
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

/* A line of /proc/self/cgroup: "0::/user.slice" in version 2, "4:memory:/user.slice" in 1. */
static bool is_place_in(const char *line, const char *controller)
{
	const char *list = strchr(line, ':');

	if (!controller)
		return str_starts(line, "0::/");
	return list && lists(list + 1, controller);
}

static char *own_path(const char *controller)
{
	cleanup_free char *root = NULL, *mount = mount_point(controller, &root);
	cleanup_strv char **lines = NULL;
	const char *path = NULL;

	if (!mount || file_read_lines("/proc/self/cgroup", &lines))
		return NULL;
	for (char **line = lines; line && *line && !path; line++)
		path = is_place_in(*line, controller) ? strchr(*line, '/') : NULL;
	if (!path)
		return NULL;
	/* only a part of the hierarchy is mounted */
	if (strcmp(root, "/") && str_starts(path, root))
		path += strlen(root);
	return str_print("%s%s", mount, strcmp(path, "/") ? path : "");
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

/* A killed process leaves its cgroup a little after wait(2): until then rmdir(2) is EBUSY. */
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

int cgroup_remove(const char *path, int64_t timeout_ms)
{
	return remove_one(path, clock_ms() + timeout_ms);
}

int cgroup_remove_all(char *const *paths, int64_t timeout_ms)
{
	int ret = 0;

	for (; paths && *paths; paths++) {
		int one = cgroup_remove(*paths, timeout_ms);

		ret = ret ? ret : one;
	}
	return ret;
}

int cgroup_remove_named(const char *run_id, int64_t timeout_ms)
{
	cleanup_free char *path = cgroup_place(NULL, run_id);

	return !path || access(path, F_OK) ? 0 : cgroup_remove(path, timeout_ms);
}
