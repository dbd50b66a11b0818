/* SPDX-License-Identifier: MIT */
/*
 * One worker's view of the file system, built in its worker init: a mount namespace in which
 *
 *	the project is an overlay over itself	what the worker writes goes to SCRATCH/wN-upper
 *	.berth in it is the real one		results of all workers meet there
 *	/tmp is an overlay over itself, too	in memory; what it needs from there to be the real thing is bound back
 *	/dev/shm is empty and its own
 *
 * Mounts below the project (a volume on node_modules) would vanish behind the overlay, so they are bound back, too, and
 * are then shared by all workers.
 *
 * A plain user does this in a user namespace in which he is still himself (his uid mapped to itself), so that nothing in
 * the suite can tell, but for setuid programs, which cannot become anybody else there.
 *
 * Laws: propagation is cut before the first mount, so nothing shows outside; places are named by descriptors, so that no
 * character in a path can be taken for an option of mount(2); when the last process is gone the kernel takes it all down.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/tree/tree-private.h"

/* A place that is opened before something is mounted over it, to be bound back afterwards. */
struct place {
	char *path;
	int fd;
	bool is_dir;
};

struct places {
	struct place *list;
	size_t count;
};

static int places_add(struct places *places, const char *path)
{
	cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat info;

	if (fd < 0 || fstat(fd, &info))
		return -errno;
	places->list = mem_grow(places->list, places->count + 1, sizeof(*places->list));
	places->list[places->count++] = (struct place){ str_copy(path), steal_fd(&fd),
		                                        S_ISDIR(info.st_mode) };
	return 0;
}

static void places_free(struct places *places)
{
	for (size_t i = 0; i < places->count; i++) {
		close(places->list[i].fd);
		free(places->list[i].path);
	}
	free(places->list);
}

static int bind_back(const struct place *place)
{
	char from[64];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", place->fd);
	return mount(from, place->path, NULL, MS_BIND | MS_REC, NULL) ? -errno : 0;
}

static int enter_namespaces(bool user)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];
	int ret;

	if (unshare(CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)))
		return -errno;
	if (user) {
		/* user_namespaces(7): before gid_map */
		(void)file_put("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
		ret = file_put("/proc/self/uid_map", map);
		if (ret)
			return ret;
		snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
		ret = file_put("/proc/self/gid_map", map);
		if (ret)
			return ret;
	}
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ? -errno : 0;
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

/* What is mounted below @dir. Parents come before children; binding is recursive, so a child of one is left out. */
static int places_add_mounts(struct places *places, const char *dir)
{
	cleanup_free char *text = NULL;
	char *rest, *line;
	int ret = file_read("/proc/self/mountinfo", &text, NULL);

	if (ret)
		return ret;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		cleanup_strv char **words = strv_split(line, " ");
		const char *below;
		bool known = false;

		if (strv_len(words) < 5)
			continue;
		unescape(words[4]);
		below = tree_below(dir, words[4]);
		if (!below || !*below)
			continue;
		for (size_t i = 0; i < places->count; i++)
			known = known || tree_below(places->list[i].path, words[4]);
		if (!known)
			(void)places_add(
				places,
				words[4]); /* one that we cannot reach, the worker could not either */
	}
	return 0;
}

static int mount_overlay(const struct tree *tree, unsigned int worker)
{
	cleanup_free char *upper = tree_place(tree, worker, "upper"),
			  *work = tree_place(tree, worker, "work");
	cleanup_close int lower_fd = open(tree->project_dir, O_PATH | O_CLOEXEC);
	cleanup_close int upper_fd = open(upper, O_PATH | O_CLOEXEC);
	cleanup_close int work_fd = open(work, O_PATH | O_CLOEXEC);
	cleanup_free char *options = NULL;

	if (lower_fd < 0 || upper_fd < 0 || work_fd < 0)
		return -errno;
	/* Without metacopy, redirects and index the upper directory holds whole files and makes sense by itself. */
	options = str_print(
		"lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s",
		lower_fd, upper_fd, work_fd,
		tree->user_namespace ? ",userxattr" : ",metacopy=off,redirect_dir=off,index=off");
	return mount("overlay", tree->project_dir, "overlay", 0, options) ? -errno : 0;
}

static int enter_project(const struct tree *tree, unsigned int worker, char **ret_error)
{
	struct places places = { 0 };
	int ret = places_add_mounts(&places, tree->project_dir);

	if (!ret && tree_below(tree->project_dir, tree->results_dir))
		ret = places_add(&places, tree->results_dir);
	if (!ret)
		ret = mount_overlay(tree, worker);
	if (ret)
		*ret_error = str_print("overlay over '%s'", tree->project_dir);
	for (size_t i = 0; i < places.count && !ret; i++) {
		ret = bind_back(&places.list[i]);
		if (ret)
			*ret_error = str_print("mount of '%s'", places.list[i].path);
	}
	places_free(&places);
	return ret;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * What below /tmp a worker cannot do without: the places it is given, home, runtime directory, the directories of PATH,
 * and whatever its environment or our own command line names. Sorted, so that parents come first.
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

static int make_target(const struct place *place)
{
	cleanup_free char *parent = str_copy(place->path);
	struct stat info;
	int fd, ret;

	if (!lstat(place->path, &info))
		return 0;
	if (place->is_dir)
		return dir_make(place->path, 0755);
	*strrchr(parent, '/') = 0;
	ret = dir_make(parent, 0755);
	if (ret)
		return ret;
	fd = open(place->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int mount_memory(const char *path)
{
	return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") ? -errno : 0;
}

/* A socket cannot be connected to through an overlay: its address is the inode that lies below, unix(7). */
static void places_add_sockets(struct places *places, const char *dir, int depth)
{
	cleanup_dir DIR *entries = opendir(dir);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		cleanup_free char *path = str_print("%s/%s", dir, entry->d_name);

		if (entry->d_type == DT_SOCK)
			(void)places_add(places, path);
		else if (entry->d_type == DT_DIR && depth && strcmp(entry->d_name, ".") &&
		         strcmp(entry->d_name, ".."))
			places_add_sockets(places, path, depth - 1);
	}
}

/*
 * What was in /tmp when the worker began is there for it as well; what it writes is its own, in memory. The memory is
 * mounted on a place in the scratch directory, because an upper directory may not lie below its lower one.
 */
static int mount_tmp(const struct tree *tree, unsigned int worker)
{
	cleanup_free char *memory = tree_place(tree, worker, "memory");
	cleanup_free char *upper = str_print("%s/upper", memory),
			  *work = str_print("%s/work", memory);
	cleanup_free char *options = NULL;
	cleanup_close int upper_fd = -1, work_fd = -1, lower_fd = -1;

	if ((mkdir(memory, 0700) && errno != EEXIST) || mount_memory(memory) ||
	    mkdir(upper, 0700) || mkdir(work, 0700) || chmod(upper, 01777))
		return -errno;
	lower_fd = open("/tmp", O_PATH | O_CLOEXEC);
	upper_fd = open(upper, O_PATH | O_CLOEXEC);
	work_fd = open(work, O_PATH | O_CLOEXEC);
	options = str_print(
		"lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s",
		lower_fd, upper_fd, work_fd, tree->user_namespace ? ",userxattr" : "");
	return mount("overlay", "/tmp", "overlay", MS_NOSUID | MS_NODEV, options) ? -errno : 0;
}

static int hide_tmp(const struct tree *tree, unsigned int worker, char **ret_error)
{
	cleanup_strv char **needed = needed_in_tmp(tree);
	struct places places = { 0 };
	int ret;

	for (char **path = needed; path && *path; path++)
		if (!places.count || !tree_below(places.list[places.count - 1].path, *path))
			(void)places_add(&places, *path);
	(void)places_add_mounts(&places, "/tmp");
	places_add_sockets(&places, "/tmp", 1);
	ret = mount_tmp(tree, worker);
	if (ret) /* a /tmp that cannot be a lower layer: an empty one then */
		ret = mount_memory("/tmp");
	if (ret)
		*ret_error = str_copy("private /tmp");
	for (size_t i = 0; i < places.count && !ret; i++) {
		ret = make_target(&places.list[i]);
		if (!ret)
			ret = bind_back(&places.list[i]);
		if (ret == -ENOENT && !places.list[i].is_dir)
			ret = 0; /* a socket whose server has removed it meanwhile */
		if (ret)
			*ret_error = str_print("mount of '%s'", places.list[i].path);
	}
	places_free(&places);
	return ret;
}

int overlay_enter(const struct tree *tree, unsigned int worker, const char *cwd, char **ret_error)
{
	int ret = enter_namespaces(tree->user_namespace);

	if (ret) {
		*ret_error = str_copy(tree->user_namespace ? "user namespace" : "mount namespace");
		return ret;
	}
	ret = enter_project(tree, worker, ret_error);
	if (!ret && tree->private_tmp)
		ret = hide_tmp(tree, worker, ret_error);
	if (!ret && !access("/dev/shm", F_OK)) {
		ret = mount_memory("/dev/shm");
		if (ret)
			*ret_error = str_copy("private /dev/shm");
	}
	/* again: the old working directory lies below the new mounts */
	if (!ret && chdir(cwd)) {
		ret = -errno;
		*ret_error = str_print("working directory '%s'", cwd);
	}
	return ret;
}
