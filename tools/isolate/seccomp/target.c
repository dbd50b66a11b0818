/* SPDX-License-Identifier: MIT */
/*
 * The kernel may give a thread's number to another process before it is used here. So
 * target_waits() is asked after everything has been looked up by number, and before anything is
 * done. Writing uses process_vm_writev(2), which respects the protection of the target's pages
 * (/proc/PID/mem does not).
 */
#include "tools/isolate/seccomp/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/process/procfs.h"
#include "tools/base/str.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9: a pidfd of any thread */
#endif

static struct iovec piece(const void *at, size_t len)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)at, .iov_len = len };
}

bool target_read(const struct target *target, uint64_t from, void *to, size_t len)
{
	struct iovec local = piece(to, len), remote = piece((void *)(uintptr_t)from, len);

	return process_vm_readv(target->pid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

bool target_write(const struct target *target, uint64_t to, const void *from, size_t len)
{
	struct iovec local = piece(from, len), remote = piece((void *)(uintptr_t)to, len);

	return process_vm_writev(target->pid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

ssize_t target_gather(const struct target *target, uint64_t iov, size_t count, void *to,
                      size_t space)
{
	struct iovec remote[IOV_MAX], local = piece(to, space);
	size_t total = 0;
	ssize_t got;

	if (count > IOV_MAX || !target_read(target, iov, remote, count * sizeof(*remote)))
		return count ? -EFAULT : 0;
	for (size_t i = 0; i < count; i++) {
		if (remote[i].iov_len > space - total)
			remote[i].iov_len = space - total;
		total += remote[i].iov_len;
	}
	got = total ? process_vm_readv(target->pid, &local, 1, remote, count, 0) : 0;
	return got == (ssize_t)total ? got : -EFAULT;
}

ssize_t target_space(const struct target *target, uint64_t iov, size_t count)
{
	struct iovec remote[IOV_MAX];
	size_t total = 0;

	if (count > IOV_MAX ||
	    (count && !target_read(target, iov, remote, count * sizeof(*remote))))
		return -EFAULT;
	for (size_t i = 0; i < count; i++)
		if (__builtin_add_overflow(total, remote[i].iov_len, &total) || total > SSIZE_MAX)
			return -EFAULT;
	return (ssize_t)total;
}

bool target_scatter(const struct target *target, uint64_t iov, size_t count, const void *from,
                    size_t len)
{
	struct iovec remote[IOV_MAX], local = piece(from, len);

	if (!len)
		return true;
	if (count > IOV_MAX || !target_read(target, iov, remote, count * sizeof(*remote)))
		return false;
	return process_vm_writev(target->pid, &local, 1, remote, count, 0) == (ssize_t)len;
}

/* The number at @column of a line of /proc/PID/status; -1 if it is not there. */
static long read_status(pid_t pid, const char *line, int column)
{
	cleanup_free char *text = NULL;
	char *at = proc_read_file(pid, "status", &text, NULL) ? NULL : strstr(text, line);
	long number = -1;

	for (at = at ? at + strlen(line) : NULL; at && column-- >= 0;)
		number = strtol(at, &at, 10);
	return number;
}

bool target_is_our_user(const struct target *target)
{
	return read_status(target->pid, "\nUid:", 1) == (long)geteuid(); /* the effective one */
}

/*
 * Before Linux 6.9 a pidfd names a whole process, and is opened by the number of its first thread.
 */
static pid_t leader_of(pid_t thread)
{
	long leader = read_status(thread, "\nTgid:", 0);

	return leader > 0 ? (pid_t)leader : thread;
}

void target_forget(struct target_last *last)
{
	if (last->pid)
		close(last->pidfd);
	*last = (struct target_last){ 0 };
}

/* While the thread of a pidfd lives, no other thread has its number. */
static int thread_fd(struct target_last *last, pid_t pid, int fd)
{
	int pidfd, copy = -ESRCH;

	if (last->pid == pid &&
	    ((copy = (int)syscall(SYS_pidfd_getfd, last->pidfd, fd, 0)) >= 0 || errno != ESRCH))
		return copy < 0 ? -errno : copy;
	pidfd = (int)syscall(SYS_pidfd_open, pid, PIDFD_THREAD);
	if (pidfd < 0)
		return -errno;
	target_forget(last);
	*last = (struct target_last){ pid, pidfd };
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	return copy < 0 ? -errno : copy;
}

int target_fd(const struct target *target, int fd)
{
	int copy = thread_fd(target->last, target->pid, fd);
	cleanup_close int pidfd = copy == -EINVAL
	                                  ? (int)syscall(SYS_pidfd_open, leader_of(target->pid), 0)
	                                  : -1;

	if (copy != -EINVAL)
		return copy;
	copy = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	return copy < 0 ? -errno : copy;
}

bool target_waits(const struct target *target)
{
	uint64_t id = target->id;

	return !ioctl(target->notify_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

void target_program(const struct target *target, char *text, size_t space)
{
	cleanup_free char *path = str_print("/proc/%d/exe", target->pid);
	ssize_t len = readlink(path, text, space - 1);
	struct proc_stat stat;

	text[len < 0 ? 0 : len] = 0;
	if (len < 0 && !proc_read_stat(target->pid, &stat)) /* which all users may read */
		snprintf(text, space, "%s", stat.comm);
}
