/* SPDX-License-Identifier: MIT */
/*
 * Three ways to make a data directory that looks like the template's, cheapest first. A reflink
 * shares blocks and costs one ioctl for each file. An overlay costs one mount, and a copy of each
 * file at its first write, because PostgreSQL opens files for writing. A copy always works. Nothing
 * is synced: after a power cut the clone is worthless anyway.
 *
 * The overlay is in a mount namespace of the server alone: no other process sees it, and it ends
 * with the server.
 *
 * Root mounts for the servers' user. That user may run programs of a hostile suite, because a
 * superuser of PostgreSQL can start programs. So every directory is opened with that user's rights,
 * must belong to that user, and is mounted by descriptor. The kernel's working directory of the
 * mount belongs to that user, too, who can remove all of it.
 */
#include "tools/db/common/clone.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/job.h"
#include "tools/process/mounts.h"
#include "tools/process/namespaces.h"

const char *const db_clone_names[DB_CLONES] = { "reflink", "overlay", "copy" };

static int copy_bytes(int from, int to)
{
	char part[65536];
	ssize_t got;

	while ((got = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
		;
	if (!got)
		return 0;
	if (errno != EXDEV && errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)
		return -errno;
	while ((got = read(from, part, sizeof(part))) > 0) {
		int ret = file_write_all(to, part, (size_t)got);

		if (ret)
			return ret;
	}
	return got < 0 ? -errno : 0;
}

static int clone_file(int from_dir, int to_dir, const char *name, mode_t mode, enum db_clone how)
{
	cleanup_close int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	cleanup_close int to = -1;

	if (from < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
	if (to < 0)
		return -errno;
	if (how == DB_CLONE_REFLINK)
		return ioctl(to, FICLONE, from) ? -errno : 0;
	return copy_bytes(from, to);
}

static int clone_dir(int from_dir, int to_dir, enum db_clone how);

static int clone_entry(int from_dir, int to_dir, const char *name, enum db_clone how)
{
	struct stat info;
	int from, to;

	if (fstatat(from_dir, name, &info, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (S_ISREG(info.st_mode))
		return clone_file(from_dir, to_dir, name, info.st_mode, how);
	/* a copied link to a tablespace would share it with the original */
	if (!S_ISDIR(info.st_mode))
		return S_ISLNK(info.st_mode) ? -ENOTSUP : 0;
	if (mkdirat(to_dir, name, info.st_mode & 0777))
		return -errno;
	from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (from >= 0 && to >= 0)
		return clone_dir(from, to, how);
	close(from);
	close(to);
	return -EIO;
}

/* Closes both. */
static int clone_dir(int from_dir, int to_dir, enum db_clone how)
{
	cleanup_close int to = to_dir;
	cleanup_dir DIR *entries = fdopendir(from_dir);
	struct dirent *entry;
	int ret = 0;

	if (!entries)
		return -errno;
	while (!ret && (entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    strcmp(entry->d_name, "postmaster.pid"))
			ret = clone_entry(from_dir, to, entry->d_name, how);
	return ret;
}

int db_clone_tree(const char *from, const char *to, enum db_clone how)
{
	int from_dir = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int to_dir, ret;

	if (from_dir < 0)
		return -errno;
	to_dir = mkdir(to, 0700) ? -1 : open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to_dir < 0) {
		ret = -errno;
		close(from_dir);
		return ret;
	}
	ret = clone_dir(from_dir, to_dir, how);
	if (ret)
		(void)dir_remove(to);
	return ret;
}

bool db_clone_reflinks(const char *dir)
{
	cleanup_free char *one = str_print("%s/.reflink.XXXXXX", dir);
	cleanup_free char *two = str_print("%s/.reflink.XXXXXX", dir);
	cleanup_close int from = mkostemp(one, O_CLOEXEC);
	cleanup_close int to = mkostemp(two, O_CLOEXEC);
	bool works = from >= 0 && to >= 0 && write(from, "berth", 5) == 5 &&
	             !ioctl(to, FICLONE, from);

	if (from >= 0)
		unlink(one);
	if (to >= 0)
		unlink(two);
	return works;
}

/* @base/@name, or @name alone. */
static int open_own(const char *base, const char *name, uid_t uid)
{
	cleanup_free char *path = str_print("%s%s%s", base ? base : "", base ? "/" : "", name);
	cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat info;

	if (fd < 0 || fstat(fd, &info))
		return -errno;
	return info.st_uid == uid ? steal_fd(&fd) : -EPERM;
}

/*
 * Let an upper directory be mounted again that was mounted `volatile`: overlayfs refuses that as
 * long as work/work exists. The caller knows that the server was stopped cleanly.
 */
static void forget_mount(const char *base)
{
	cleanup_free char *trap = str_print("%s/work/work", base);

	(void)chmod(trap, 0700); /* overlayfs made it with mode 0 */
	(void)dir_remove(trap);
}

/*
 * overlayfs keeps the credentials of the mounter. job_files_as() has lowered some of its
 * capabilities: raise them.
 */
static void raise_rights(void)
{
	cap_t caps = cap_get_proc(), raised = caps ? cap_dup(caps) : NULL;

	for (cap_value_t each = 0; raised && each <= cap_max_bits(); each++) {
		cap_flag_value_t has = CAP_CLEAR;

		if (!cap_get_flag(caps, each, CAP_PERMITTED, &has))
			cap_set_flag(raised, CAP_EFFECTIVE, 1, &each, has);
	}
	if (raised)
		(void)cap_set_proc(raised);
	cap_free(caps);
	cap_free(raised);
}

static int mount_own(const char *lower, const char *base, uid_t uid, bool in_name)
{
	cleanup_close int below = open_own(NULL, lower, uid), upper = open_own(base, "upper", uid);
	cleanup_close int work = open_own(base, "work", uid), data = open_own(base, "data", uid);
	cleanup_free char *target = str_print("/proc/self/fd/%d", data);
	const char *plain = geteuid() ? ",userxattr" : "";
	/* no syncfs at umount; Linux 5.10 */
	const char *fast = geteuid() ? ",userxattr,volatile" : ",volatile";
	struct mounts_overlay overlay = { below, upper, work, target, MS_NODEV | MS_NOSUID,
		                          fast,  NULL };

	if (below < 0 || upper < 0 || work < 0 || data < 0)
		return -EPERM;
	forget_mount(base);
	if (in_name)
		raise_rights();
	if (!mounts_add_overlay(&overlay))
		return 0;
	overlay.options = plain;
	return mounts_add_overlay(&overlay);
}

int db_clone_mount(const char *lower, const char *base, uid_t uid, gid_t gid)
{
	/* in a user namespace we keep our own id, which owns the files of the server */
	int ret = namespaces_enter_mounts(geteuid() != 0);

	if (ret)
		return ret;
	job_files_as(uid, gid);
	ret = mount_own(lower, base, uid ? uid : geteuid(), uid && !geteuid());
	job_files_back(uid);
	return ret;
}

static bool make_probe_dirs(const char *base)
{
	static const char *const parts[] = { "lower", "upper", "work", "data" };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		cleanup_free char *path = str_print("%s/%s", base, parts[i]);

		if (mkdir(path, 0700))
			return false;
	}
	return true;
}

struct clone_probe {
	const char *base;
	uid_t uid;
	gid_t gid;
};

static int try_mount(void *arg, struct str *ret_text)
{
	const struct clone_probe *probe = arg;
	cleanup_free char *lower = str_print("%s/lower", probe->base);

	(void)ret_text;
	return db_clone_mount(lower, probe->base, probe->uid, probe->gid);
}

bool db_clone_overlays(const char *dir, uid_t uid, gid_t gid)
{
	cleanup_free char *base = str_print("%s/.overlay.XXXXXX", dir);
	struct clone_probe probe = { base, uid, gid };
	bool works;

	if (!mkdtemp(base))
		return false;
	works = make_probe_dirs(base) && !child_call(try_mount, &probe, NULL);
	(void)dir_remove(base);
	return works;
}
