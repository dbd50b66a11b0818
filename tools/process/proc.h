/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_PROC_H
#define BERTH_PROCESS_PROC_H
/*
 * Processes, their sockets, and Unix sockets, made from /proc for people and for the monitor.
 *
 * The parsers are pure and total, because they read what other programs chose. Functions return 0
 * or -errno; nothing here prints. A process that ends while it is read is -ESRCH.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/process/owner.h"
#include "tools/process/procfs.h"

/**
 * Find the container in the text of /proc/PID/cgroup.
 * Return: "docker 3f2a91c0d4be", "podman ...", "kubernetes ...", the caller's to free; NULL if
 * there is none.
 */
char *proc_parse_container(const char *text);

/**
 * The text of /proc/PID/cmdline as one line, without control characters and passwords of URLs.
 * @max	bytes of the text to use
 * Return: the caller's to free.
 */
char *proc_parse_command(const char *text, size_t len, size_t max);

struct proc_info {
	struct proc_stat stat;
	char *command;             /* the command line; "[comm]" for a kernel thread or a zombie */
	char *directory, *program; /* NULL: not allowed to see */
	char *container;           /* NULL: none */
	char *user;                /* name, else the number */
	uid_t uid;
	uint64_t netns, pidns; /* inode numbers; 0: not allowed to see */
	pid_t inside;          /* its pid in its own PID namespace; 0: it is in ours */
	int64_t start_ns;      /* CLOCK_REALTIME */
	struct proc_owner owner;
};

int proc_read(pid_t pid, struct proc_info *ret_info);
void proc_info_free(struct proc_info *info);

/** The command line, as proc_info.command. Return: "[gone]" after its end; the caller's to free. */
char *proc_command(pid_t pid);

/** The path of its program. Return: the caller's to free; NULL if it has none or it is hidden. */
char *proc_program(pid_t pid);

/** The number of its open descriptors. Return: -EACCES, -ESRCH on failure. */
int proc_fd_count(pid_t pid);

/**
 * Call @fn for every descriptor of @pid that is a socket.
 * Return: 0; -EACCES if its descriptors may not be seen; -ESRCH.
 */
typedef void (*proc_socket_fn)(void *arg, pid_t pid, int fd, uint64_t inode);
int proc_each_socket(pid_t pid, proc_socket_fn fn, void *arg);

/** True if @pid has one of these sockets open. False if its descriptors may not be seen. */
bool proc_has_socket(pid_t pid, const uint64_t *inodes, size_t count);

/* One line of /proc/PID/net/unix, which lists the Unix sockets of a network namespace. */
struct proc_unix {
	uint64_t inode;
	bool listening;
	/* inside the line; "@name" if it is abstract, "" if it is not bound */
	const char *path;
};

/** Parse one line, without its newline. Return: false for the head line and for other text. */
bool proc_parse_unix(const char *line, struct proc_unix *ret_entry);

/** Call @fn for every bound Unix socket; it returns false to stop. */
typedef bool (*proc_unix_fn)(void *arg, const struct proc_unix *entry);
int proc_each_unix(pid_t pid, proc_unix_fn fn, void *arg);

/* The inode number of a namespace ("net", "pid") of @pid. Return: 0 if it may not be seen. */
uint64_t proc_namespace(pid_t pid, const char *name);

#endif
