/* SPDX-License-Identifier: MIT */
/*
 * See pid_namespaces(7), and user_namespaces(7) for the order of writes. A user namespace must be
 * made with the others in one call: it gives the privilege to make them.
 */
#include "tools/process/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

enum { FIRST_PID = 300 }; /* where the kernel goes on after the highest number */
static const uint32_t GOLDEN = 2654435769u;
enum { MOUNT_FLAGS = MS_NOSUID | MS_NODEV | MS_NOEXEC };

pid_t namespaces_fork(const struct namespaces *own)
{
	unsigned long flags = (own->mounts ? CLONE_NEWNS : 0) |
	                      (own->processes ? CLONE_NEWPID | CLONE_NEWIPC : 0) |
	                      (own->user ? CLONE_NEWUSER : 0);
	/* all arguments after the second are 0, whose order differs between machines; clone(2) */
	pid_t pid = flags ? (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0) : fork();

	return pid < 0 ? -errno : pid;
}

/* Map @id to itself. */
static int map_id(const char *path, unsigned int id)
{
	cleanup_free char *map = str_print("%u %u 1\n", id, id);

	return file_put(path, map);
}

static int map_ids(uid_t uid, gid_t gid)
{
	/* confine() took that away, and with it our own files in /proc: proc(5) */
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), ret;

	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	/* before gid_map */
	(void)file_put("/proc/self/setgroups", "deny");
	ret = map_id("/proc/self/uid_map", uid);
	ret = ret ? ret : map_id("/proc/self/gid_map", gid);
	prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
	return ret;
}

/* A container that masks parts of /proc refuses a new one, which would show them: EPERM. */
static int mount_for_processes(char **ret_error)
{
	if (mount("proc", "/proc", "proc", MOUNT_FLAGS, NULL)) {
		int ret = -errno;

		*ret_error = str_copy("mount of /proc");
		return ret;
	}
	/* a machine may have no message queues, or no such directory */
	(void)mount("mqueue", "/dev/mqueue", "mqueue", MOUNT_FLAGS, NULL);
	return 0;
}

int namespaces_settle(const struct namespaces *own, char **ret_error)
{
	int ret = own->user ? map_ids(own->uid, own->gid) : 0;

	if (!ret && own->mounts && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		ret = -errno;
	if (ret)
		*ret_error = str_copy(own->user ? "user namespace" : "mount namespace");
	return ret || !own->processes ? ret : mount_for_processes(ret_error);
}

void namespaces_spread_pids(unsigned int number)
{
	cleanup_free char *text = NULL, *last = NULL;
	uint64_t share;
	long max;

	if (file_read("/proc/sys/kernel/pid_max", &text, NULL) ||
	    str_number(strtok(text, "\n"), 2L * FIRST_PID, INT_MAX, &max))
		return;
	/* multiples of the golden ratio are evenly spread, however many there are */
	share = (uint64_t)(number * GOLDEN) * (uint64_t)(max - 2L * FIRST_PID) >> 32;
	last = str_print("%ld", FIRST_PID + (long)share);
	(void)file_put("/proc/sys/kernel/ns_last_pid", last);
}

int namespaces_enter_mounts(bool user)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int ret;

	if (unshare(CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)))
		return -errno;
	ret = user ? map_ids(uid, gid) : 0;
	if (!ret && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		ret = -errno;
	return ret;
}

/* The fdinfo of a pidfd has the number in the PID namespace of that /proc, pidfd_open(2). */
pid_t namespaces_outer_pid(int proc, pid_t pid)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	cleanup_free char *path = str_print("self/fdinfo/%d", pidfd), *text = NULL;
	const char *line = NULL;
	int outer = 0;

	if (pidfd >= 0 && !file_read_at(proc, path, &text, NULL))
		line = strstr(text, "\nPid:");
	return line && sscanf(line, " Pid: %d", &outer) == 1 && outer > 0 ? outer : 0;
}
