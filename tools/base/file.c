/* SPDX-License-Identifier: MIT */
/*
 * Files and directories. Functions that remove a file, or check its owner, follow no symbolic
 * links, because other users may write to its directory.
 */
#include "tools/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

enum { READ_MAX = 64 << 20, SILENCE_MAX_MS = 5000 };

/* A FIFO or a terminal may never have data. Return: 0 when it has, or its writer is gone. */
static int wait_for_data(int fd)
{
	struct pollfd wait = { fd, POLLIN, 0 };
	int count;

	do
		count = poll(&wait, 1, SILENCE_MAX_MS);
	while (count < 0 && errno == EINTR);
	return count > 0 ? 0 : count ? -errno : -ETIMEDOUT;
}

int file_read_at(int dir, const char *path, char **ret_text, size_t *ret_len)
{
	cleanup_close int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	cleanup_str struct str all = { 0 };
	struct stat info;
	char part[8192];
	bool waits;
	ssize_t got;

	if (fd < 0)
		return -errno;
	waits = !fstat(fd, &info) && (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode));
	for (;;) {
		int ret = waits ? wait_for_data(fd) : 0;

		if (ret)
			return ret;
		got = read(fd, part, sizeof(part));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (all.len + (size_t)got > READ_MAX)
			return -EFBIG;
		str_add_len(&all, part, (size_t)got);
	}
	if (got < 0)
		return -errno;
	if (ret_len)
		*ret_len = all.len;
	*ret_text = str_take(&all);
	return 0;
}

char **file_read_tail(const char *path, size_t count)
{
	enum { BYTES = 64 << 10 };
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = mem_alloc(BYTES + 1);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t got = size > 0 ? pread(fd, text, BYTES, size > BYTES ? size - BYTES : 0) : 0;
	char **lines = got > 0 ? strv_split(text, "\n") : NULL;
	size_t all = strv_len(lines), extra = all > count ? all - count : 0;

	for (size_t i = 0; i < extra; i++)
		free(lines[i]);
	if (extra)
		memmove(lines, lines + extra, (count + 1) * sizeof(*lines));
	return lines;
}

bool file_is_planted(const char *path)
{
	cleanup_free char *dir = str_copy(path);
	char *slash = strrchr(dir, '/');
	struct stat info, above;

	if (!slash || lstat(path, &info) || !info.st_uid || info.st_uid == geteuid())
		return false;
	slash[slash == dir] = 0;
	return !stat(dir, &above) && above.st_mode & S_IWOTH && above.st_uid != info.st_uid;
}

int file_read(const char *path, char **ret_text, size_t *ret_len)
{
	return file_read_at(AT_FDCWD, path, ret_text, ret_len);
}

int file_read_lines(const char *path, char ***ret_lines)
{
	cleanup_free char *text = NULL;
	int ret = file_read(path, &text, NULL);

	if (!ret)
		*ret_lines = strv_split(text, "\n");
	return ret;
}

int file_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t put = write(fd, at, len);

		if (put < 0 && errno == EAGAIN) {
			struct pollfd wait = { fd, POLLOUT, 0 };

			(void)poll(&wait, 1, -1);
			continue;
		}
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		at += put;
		len -= (size_t)put;
	}
	return 0;
}

int file_in_memory(const void *data, size_t len)
{
	cleanup_close int fd = memfd_create("berth", MFD_CLOEXEC);

	if (fd < 0 || file_write_all(fd, data, len) || lseek(fd, 0, SEEK_SET))
		return -errno;
	return steal_fd(&fd);
}

bool file_is_writable(int fd, int wait_ms)
{
	struct pollfd asked = { fd, POLLOUT, 0 };

	return poll(&asked, 1, wait_ms) > 0;
}

int file_replace(const char *path, const char *text, size_t len, mode_t mode)
{
	cleanup_free char *beside = str_print("%s.%d.XXXXXX", path, (int)getpid());
	cleanup_close int fd = mkostemp(beside, O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = file_write_all(fd, text, len);
	if (!ret && fchmod(fd, mode))
		ret = -errno;
	if (!ret && rename(beside, path))
		ret = -errno;
	if (ret)
		unlink(beside);
	return ret;
}

int file_put_at(int dir, const char *path, const char *text)
{
	cleanup_close int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int file_put(const char *path, const char *text)
{
	return file_put_at(AT_FDCWD, path, text);
}

int dir_make(const char *path, mode_t mode)
{
	cleanup_free char *part = str_copy(path);
	struct stat info;

	for (char *slash = part + 1; *slash; slash++) {
		if (*slash != '/')
			continue;
		*slash = 0;
		if (mkdir(part, mode) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (!mkdir(part, mode))
		return 0;
	if (errno != EEXIST)
		return -errno;
	return stat(part, &info) ? -errno : S_ISDIR(info.st_mode) ? 0 : -ENOTDIR;
}

static int remove_entries(int dir, dev_t device);

static int remove_entry(int dir, const char *name, dev_t device)
{
	struct stat info;
	int fd, ret;

	if (!unlinkat(dir, name, 0))
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return errno == ENOENT ? 0 : -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* overlayfs makes its work directory with mode 0 */
	if (fd < 0 && errno == EACCES && !fchmodat(dir, name, 0700, 0))
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &info) || info.st_dev != device) {
		close(fd);
		return -EXDEV;
	}
	ret = remove_entries(fd, device); /* closes fd */
	if (unlinkat(dir, name, AT_REMOVEDIR) && errno != ENOENT && !ret)
		ret = -errno;
	return ret;
}

/* Empty the directory @dir and close it, past errors. Return: 0; the first -errno. */
static int remove_entries(int dir, dev_t device)
{
	cleanup_dir DIR *entries = fdopendir(dir);
	struct dirent *entry;
	int ret = 0;

	if (!entries) {
		ret = -errno;
		close(dir);
		return ret;
	}
	/* a suite may leave a directory that its owner may not write to */
	(void)fchmod(dir, 0700);
	while ((entry = readdir(entries))) {
		int one;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		one = remove_entry(dir, entry->d_name, device);
		ret = ret ? ret : one;
	}
	return ret;
}

int dir_remove(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat info;
	int ret;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &info)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	ret = remove_entries(fd, info.st_dev);
	if (rmdir(path) && errno != ENOENT && !ret)
		ret = -errno;
	return ret;
}

static int is_visible(const struct dirent *entry)
{
	return *entry->d_name != '.';
}

char **dir_list(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_visible, alphasort);
	char **names = NULL;

	for (int i = 0; i < count; i++) {
		strv_add(&names, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return names;
}

int dir_make_private(const char *path, mode_t mode)
{
	struct stat info;

	if (mkdir(path, mode) && errno != EEXIST)
		return -errno;
	if (lstat(path, &info))
		return -errno;
	return S_ISDIR(info.st_mode) && info.st_uid == geteuid() && !(info.st_mode & 022) ? 0
	                                                                                  : -EPERM;
}

int dir_runtime(char **ret_path)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	struct stat info;
	cleanup_free char *path = NULL;
	int ret;

	if (base && *base == '/' && !stat(base, &info) && S_ISDIR(info.st_mode) &&
	    info.st_uid == geteuid())
		path = str_print("%s/berth", base);
	else
		path = str_print("/tmp/berth-%u", (unsigned int)geteuid());
	ret = dir_make_private(path, 0700);
	*ret_path = steal(&path);
	return ret;
}

int dir_install(char **ret_path)
{
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (len < 0)
		return -errno;
	program[len] = 0;
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(program, '/');

		if (!slash)
			return -ENOENT;
		*slash = 0;
	}
	*ret_path = str_copy(*program ? program : "/");
	return 0;
}

int file_secret_path(const char *dir, const char *name, const char *suffix, char **ret_path)
{
	uint64_t random[2];

	if (geteuid()) {
		*ret_path = str_print("%s/%s%s", dir, name, suffix);
		return 0;
	}
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	*ret_path = str_print("%s/%s-%016llx%016llx%s", dir, name, (unsigned long long)random[0],
	                      (unsigned long long)random[1], suffix);
	return 0;
}

int file_cgroup_id(int cgroup, uint64_t *ret_id)
{
	struct stat info;

	if (fstat(cgroup, &info))
		return -errno;
	*ret_id = info.st_ino;
	return 0;
}

void file_read_ephemeral(unsigned int *ret_low, unsigned int *ret_high)
{
	cleanup_free char *text = NULL;

	*ret_low = 32768;
	*ret_high = 60999;
	if (!file_read("/proc/sys/net/ipv4/ip_local_port_range", &text, NULL))
		(void)sscanf(text, "%u %u", ret_low, ret_high);
}
