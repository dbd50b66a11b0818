/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_NAMESPACES_H
#define BERTH_PROCESS_NAMESPACES_H
/*
 * Namespaces of a process and its children: mounts, processes and IPC, users.
 *
 *	pid = namespaces_fork(&own);
 *	if (!pid)
 *		ret = namespaces_settle(&own, &error);
 *
 * Functions return 0 or -errno; nothing here prints.
 */
#include <stdbool.h>
#include <sys/types.h>

struct namespaces {
	bool mounts; /* mounts are seen by this process and its children only */
	/*
	 * PID and IPC namespaces, with /proc and /dev/mqueue of their own; needs .mounts. The child
	 * is process 1 of it: the kernel kills all others when it ends.
	 */
	bool processes;
	bool user; /* a user namespace with only .uid and .gid: no privilege needed */
	uid_t uid; /* the effective ones, from before */
	gid_t gid;
};

/** fork(2) into new namespaces. Return: as fork(2); -errno. */
pid_t namespaces_fork(const struct namespaces *own);

/**
 * In the child: map the ids, cut the propagation of mounts, mount /proc and /dev/mqueue.
 * @ret_error	set on failure to what failed, the caller's to free
 */
int namespaces_settle(const struct namespaces *own, char **ret_error);

/**
 * In process 1 of a PID namespace: let the next numbers be far from those of other namespaces, as
 * programs make names of them in directories that all share (/tmp/hsperfdata_root/PID of a JVM).
 * @number	small, different for each namespace
 */
void namespaces_spread_pids(unsigned int number);

/**
 * Enter a new mount namespace without a fork.
 * @user	enter a user namespace, too
 */
int namespaces_enter_mounts(bool user);

/**
 * The number of child @pid outside of our PID namespace.
 * @proc	the directory /proc from before namespaces_settle(), open
 * Return: 0 if it is not known.
 */
pid_t namespaces_outer_pid(int proc, pid_t pid);

#endif
