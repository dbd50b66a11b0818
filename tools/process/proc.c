/* SPDX-License-Identifier: MIT */
/*
 * All reads of one process go through one descriptor of /proc/PID. If the process ends and another
 * gets its pid, they fail with ESRCH and never mix two processes.
 */
#include "tools/process/proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

enum { COMMAND_MAX = 400 };
enum { UNIX_LISTENS = 0x10000 }; /* linux/net.h: __SO_ACCEPTCON */

/* Pieces of the cgroup paths of container engines, and the names of the engines. */
static const struct container_kind {
	const char *piece, *name;
} container_kinds[] = {
	{ "/docker/", "docker" },
	{ "/docker-", "docker" },
	{ "/libpod-", "podman" },
	{ "/cri-containerd-", "kubernetes" },
	{ "/crio-", "kubernetes" },
	{ "/kubepods", "kubernetes" },
	{ "/lxc/", "lxc" },
	{ "/lxc.payload.", "lxc" },
	{ "/machine.slice/", "machine" },
};

char *proc_parse_container(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(container_kinds); i++) {
		const char *at = strstr(text, container_kinds[i].piece);
		int len;

		if (!at)
			continue;
		at += strlen(container_kinds[i].piece);
		len = (int)strcspn(at, "/.\n");
		if (len >= 32 && (int)strspn(at, "0123456789abcdef") >= 32)
			len = 12; /* as the engines abbreviate an id */
		return str_print("%s %.*s", container_kinds[i].name, len > 64 ? 64 : len, at);
	}
	return NULL;
}

char *proc_parse_command(const char *text, size_t len, size_t max)
{
	cleanup_str struct str line = { 0 };

	while (len && !text[len - 1])
		len--;
	if (len > max)
		len = max;
	for (size_t i = 0; i < len; i++) {
		char one = text[i] && !iscntrl((unsigned char)text[i]) ? text[i] : ' ';

		str_add_len(&line, &one, 1);
	}
	return str_redacted(line.text ? line.text : "");
}

static int open_process(pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

static char *read_link(int dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(dir, name, target, sizeof(target) - 1);

	return len < 0 ? NULL : str_copy_len(target, (size_t)len);
}

static uint64_t read_namespace(int dir, const char *name)
{
	cleanup_free char *path = str_print("ns/%s", name);
	cleanup_free char *target = read_link(dir, path);
	const char *number = target ? strchr(target, '[') : NULL;

	return number ? strtoull(number + 1, NULL, 10) : 0;
}

uint64_t proc_namespace(pid_t pid, const char *name)
{
	cleanup_close int dir = open_process(pid);

	return dir < 0 ? 0 : read_namespace(dir, name);
}

/* Process times count from boot: the difference is CLOCK_REALTIME - CLOCK_BOOTTIME. */
static int64_t wall_from_ticks(uint64_t ticks)
{
	int64_t since_boot = (int64_t)(ticks * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK)));

	return clock_wall_ns() - clock_of(CLOCK_BOOTTIME) + since_boot;
}

static pid_t read_inside(int dir, uint64_t pidns)
{
	static uint64_t own;
	cleanup_free char *text = NULL;

	if (!own)
		own = proc_namespace(getpid(), "pid");
	return !pidns || pidns == own || file_read_at(dir, "status", &text, NULL)
	               ? 0
	               : proc_parse_inside(text);
}

static char *read_command(int dir, const char *comm, size_t max)
{
	cleanup_free char *text = NULL, *line = NULL;
	size_t len;

	if (!file_read_at(dir, "cmdline", &text, &len))
		line = proc_parse_command(text, len, max);
	return line && *line ? steal(&line) : str_print("[%s]", comm);
}

char *proc_command(pid_t pid)
{
	cleanup_close int dir = open_process(pid);
	struct proc_stat stat;

	return dir < 0 || proc_read_stat_at(dir, &stat) ? str_copy("[gone]")
	                                                : read_command(dir, stat.comm, SIZE_MAX);
}

char *proc_program(pid_t pid)
{
	cleanup_close int dir = open_process(pid);

	return dir < 0 ? NULL : read_link(dir, "exe");
}

static void read_identity(int dir, struct proc_info *info)
{
	cleanup_free char *cgroup = NULL;
	const struct passwd *user;
	struct stat owner;

	info->command = read_command(dir, info->stat.comm, COMMAND_MAX);
	if (!file_read_at(dir, "cgroup", &cgroup, NULL))
		info->container = proc_parse_container(cgroup);
	if (!fstat(dir, &owner))
		info->uid = owner.st_uid;
	user = getpwuid(info->uid);
	info->user = user ? str_copy(user->pw_name) : str_print("%u", info->uid);
}

int proc_read(pid_t pid, struct proc_info *ret_info)
{
	cleanup_close int dir = open_process(pid);
	struct proc_info info = { 0 };
	int ret = dir < 0 ? dir : proc_read_stat_at(dir, &info.stat);

	if (ret)
		return ret;
	read_identity(dir, &info);
	(void)owner_read_at(dir, &info.owner);
	info.directory = read_link(dir, "cwd");
	info.program = read_link(dir, "exe");
	info.netns = read_namespace(dir, "net");
	info.pidns = read_namespace(dir, "pid");
	info.inside = read_inside(dir, info.pidns);
	info.start_ns = wall_from_ticks(info.stat.start_ticks);
	*ret_info = info;
	return 0;
}

void proc_info_free(struct proc_info *info)
{
	char *const owned[] = { info->command, info->directory, info->program, info->container,
		                info->user };

	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		free(owned[i]);
	owner_free(&info->owner);
	*info = (struct proc_info){ 0 };
}

int proc_fd_count(pid_t pid)
{
	cleanup_close int dir = open_process(pid);
	cleanup_dir DIR *fds = NULL;
	struct stat info;
	int fd, count = 0;

	if (dir < 0)
		return dir;
	fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* since Linux 6.2 the size of the directory is the number */
	if (!fstat(fd, &info) && info.st_size) {
		close(fd);
		return (int)info.st_size;
	}
	fds = fdopendir(fd);
	while (fds && readdir(fds))
		count++;
	return count > 2 ? count - 2 : 0;
}

static bool socket_inode(int dir, const char *name, uint64_t *ret_inode)
{
	char target[64];
	ssize_t len = readlinkat(dir, name, target, sizeof(target) - 1);
	unsigned long long inode;

	if (len < 0)
		return false;
	target[len] = 0;
	if (sscanf(target, "socket:[%llu]", &inode) != 1)
		return false;
	*ret_inode = inode;
	return true;
}

int proc_each_socket(pid_t pid, proc_socket_fn fn, void *arg)
{
	char path[40];
	cleanup_dir DIR *fds = NULL;
	struct dirent *entry;
	uint64_t inode;
	long number;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	if (!fds)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((entry = readdir(fds)))
		if (!str_number(entry->d_name, 0, INT_MAX, &number) &&
		    socket_inode(dirfd(fds), entry->d_name, &inode))
			fn(arg, pid, (int)number, inode);
	return 0;
}

struct socket_search {
	const uint64_t *inodes;
	size_t count;
	bool found;
};

static void on_descriptor(void *arg, pid_t pid, int fd, uint64_t inode)
{
	struct socket_search *search = arg;

	(void)pid;
	(void)fd;
	for (size_t i = 0; i < search->count; i++)
		search->found |= search->inodes[i] == inode;
}

bool proc_has_socket(pid_t pid, const uint64_t *inodes, size_t count)
{
	struct socket_search search = { inodes, count, false };

	(void)proc_each_socket(pid, on_descriptor, &search);
	return search.found;
}

bool proc_parse_unix(const char *line, struct proc_unix *ret_entry)
{
	unsigned long flags;
	unsigned long long inode;
	int path = 0;

	/* Num RefCount Protocol Flags Type St Inode Path */
	if (sscanf(line,
	           "%*[0-9a-fA-F]: %*8[0-9a-fA-F] %*8[0-9a-fA-F] %8lx %*4[0-9a-fA-F] "
	           "%*2[0-9a-fA-F] %llu%n",
	           &flags, &inode, &path) < 2 ||
	    !path)
		return false;
	*ret_entry = (struct proc_unix){ inode, flags & UNIX_LISTENS,
		                         line[path] == ' ' ? line + path + 1
		                                           : line + path + strlen(line + path) };
	return true;
}

int proc_each_unix(pid_t pid, proc_unix_fn fn, void *arg)
{
	cleanup_free char *text = NULL;
	int ret = proc_read_file(pid, "net/unix", &text, NULL);
	struct proc_unix entry;

	for (char *line = text, *next; !ret && line && *line; line = next) {
		char *end = strchr(line, '\n');

		next = end ? end + 1 : line + strlen(line);
		if (end)
			*end = 0;
		if (proc_parse_unix(line, &entry) && *entry.path && !fn(arg, &entry))
			break;
	}
	return ret;
}
