/* SPDX-License-Identifier: MIT */
/*
 * An id has four random hex digits, or eight if those are taken. The directory of run-time files
 * has the id as its name, so rename(2) makes it unique. Two runs of a user may still share an id if
 * XDG_RUNTIME_DIR differs, so code that ends processes compares directories, too
 * (tools/process/owner.h).
 */
#include "tools/state/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/limits/cgroup.h"

enum { TRIES = 64, ASK_EVERY_MS = 5, UNNAMED_MAX_S = 60 };

static int make_locked(const char *base, char **ret_dir, int *ret_lock)
{
	cleanup_free char *dir = str_print("%s/.new-XXXXXX", base);
	cleanup_free char *path = NULL;
	cleanup_close int lock = -1;

	if (!mkdtemp(dir))
		return -errno;
	path = str_print("%s/lock", dir);
	lock = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) || (!geteuid() && chmod(dir, 0711))) {
		int ret = -errno;

		unlink(path);
		rmdir(dir);
		return ret;
	}
	*ret_dir = steal(&dir);
	*ret_lock = steal_fd(&lock);
	return 0;
}

static char *random_id(int try)
{
	uint32_t number = 0;

	(void)!getrandom(&number, sizeof(number), 0);
	return try < TRIES / 2 ? str_print("%04x", number & 0xffff) : str_print("%08x", number);
}

bool runtime_is_id(const char *name)
{
	size_t len = strspn(name, "0123456789abcdef");

	return len >= 4 && len <= 16 && !name[len];
}

/* Results outlive their run. A cgroup may belong to a run whose run-time files are elsewhere. */
static bool is_taken(const char *id, const char *results_dir)
{
	cleanup_free char *results = str_print("%s/runs/%s", results_dir, id),
			  *cgroup = cgroup_place(NULL, id);

	return !access(results, F_OK) || (cgroup && !access(cgroup, F_OK));
}

int runtime_make(const char *results_dir, char **ret_id, char **ret_dir, int *ret_lock)
{
	cleanup_free char *base = NULL, *made = NULL;
	int ret = dir_runtime(&base);

	if (ret)
		return ret;
	if (!geteuid())
		chmod(base, 0711);
	ret = make_locked(base, &made, ret_lock);
	if (ret)
		return ret;
	for (int try = 0; try < TRIES; try++) {
		cleanup_free char *id = random_id(try);
		cleanup_free char *dir = str_print("%s/%s", base, id);

		errno = EEXIST;
		/* rename(2) fails with EEXIST for a run that exists: its directory is not empty */
		if (!is_taken(id, results_dir) && !rename(made, dir)) {
			*ret_id = steal(&id);
			*ret_dir = steal(&dir);
			return 0;
		}
	}
	ret = -errno;
	(void)dir_remove(made);
	return ret;
}

static bool is_on_disk(const char *dir)
{
	struct statfs info;

	return !access(dir, W_OK) &&
	       (statfs(dir, &info) || (info.f_type != TMPFS_MAGIC && info.f_type != RAMFS_MAGIC));
}

/* Not dir_runtime(), where `berth reap` removes every directory that has no lock. */
static char *scratch_base(const char *dir)
{
	return str_print("%s/berth-trees-%u", dir, (unsigned int)geteuid());
}

int runtime_scratch(const char *run_id, char **ret_dir)
{
	cleanup_free char *base = scratch_base(
		!is_on_disk("/tmp") && is_on_disk("/var/tmp") ? "/var/tmp" : "/tmp");
	/* with the pid, because a run with another XDG_RUNTIME_DIR may have the same id */
	cleanup_free char *name = str_print("%s-%d", run_id, (int)getpid());

	return file_secret_path(base, name, "", ret_dir);
}

/* Is @text the end of a name that runtime_scratch() made: the pid, and for root the secret? */
static bool is_scratch_end(const char *text)
{
	size_t pid_len = strspn(text, "0123456789");
	const char *secret = text + pid_len;

	if (!pid_len || !*secret)
		return pid_len;
	return *secret == '-' && strspn(secret + 1, "0123456789abcdef") == strlen(secret + 1);
}

bool runtime_is_scratch(const char *run_id, const char *path)
{
	static const char *const dirs[] = { "/tmp", "/var/tmp" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		cleanup_free char *base = scratch_base(dirs[i]);
		cleanup_free char *prefix = str_print("%s/%s-", base, run_id);

		if (str_starts(path, prefix) && is_scratch_end(path + strlen(prefix)))
			return true;
	}
	return false;
}

static int make_scratch(const char *base, const char *dir)
{
	mode_t mode = geteuid() ? 0700 : 0711; /* root's suite may change its user */
	int ret = dir_make_private(base, mode);

	if (ret)
		return ret;
	if (!geteuid() && chmod(base, mode))
		return -errno;
	return mkdir(dir, mode) ? -errno : 0;
}

int runtime_make_scratch(const char *dir)
{
	cleanup_free char *base = str_copy(dir);
	int ret = -ENOENT;

	*strrchr(base, '/') = 0;
	/* the end of another run may remove the base between our calls */
	for (int try = 0; try < TRIES && ret == -ENOENT; try++)
		ret = make_scratch(base, dir);
	return ret;
}

int runtime_remove_scratch(const char *dir)
{
	cleanup_free char *base = str_copy(dir);
	int ret = dir_remove(dir);

	*strrchr(base, '/') = 0;
	rmdir(base); /* fails while other runs use it */
	return ret;
}

int runtime_lock_inits(const char *dir)
{
	cleanup_free char *path = str_print("%s/inits", dir);
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_SH))
		return -errno;
	return steal_fd(&fd);
}

int runtime_wait_inits(const char *dir, int64_t timeout_ms)
{
	cleanup_free char *path = str_print("%s/inits", dir);
	cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int64_t due_ms = clock_ms() + timeout_ms;

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		if (clock_ms() >= due_ms)
			return -ETIMEDOUT;
		poll(NULL, 0, ASK_EVERY_MS);
	}
	return 0;
}

bool runtime_is_dead(const char *run_id)
{
	cleanup_free char *base = NULL, *path = NULL;
	cleanup_close int fd = -1;

	if (dir_runtime(&base))
		return false;
	path = str_print("%s/%s/lock", base, run_id);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? errno == ENOENT : !flock(fd, LOCK_SH | LOCK_NB);
}

void runtime_sweep(void)
{
	cleanup_free char *base = NULL;
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;

	if (dir_runtime(&base))
		return;
	dir = opendir(base);
	while (dir && (entry = readdir(dir))) {
		cleanup_free char *path = str_print("%s/%s", base, entry->d_name);
		struct stat info;

		if (str_starts(entry->d_name, ".new-") && !lstat(path, &info) &&
		    clock_wall_ns() / 1000000000 - info.st_mtime > UNNAMED_MAX_S)
			(void)dir_remove(path);
	}
}
