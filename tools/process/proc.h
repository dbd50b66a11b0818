/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_PROC_H
#define BERTH_PROCESS_PROC_H
/*
 * Processes as /proc shows them: who they are, where they come from, which sockets they hold; and its list of Unix sockets.
 * The parsers are pure and total: what they read was written by strangers.
 *
 * Functions return 0 or -errno and never print. A process that ends while it is read is -ESRCH, never half a record.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/process/owner.h"
#include "tools/process/procfs.h"

/**
 * The container that a /proc/PID/cgroup text tells of: "docker 3f2a91c0d4be", "podman ...", "kubernetes pod ...".
 * Return: a new string, NULL if it is none.
 */
char *proc_parse_container(const char *text);

/** The last number of NSpid in the text of /proc/PID/status, proc(5); 0 if there is none. */
pid_t proc_parse_inside(const char *status);

/**
 * The arguments of a /proc/PID/cmdline as one line, @max bytes of it at most: control characters replaced, without the
 * passwords of URLs. A new string.
 */
char *proc_parse_command(const char *text, size_t len, size_t max);

struct proc_info {
	struct proc_stat stat;
	char *command; /* its arguments in one line; "[comm]" of a kernel thread or a zombie */
	char *directory, *program; /* NULL: not allowed to see */
	char *container;           /* NULL: none */
	char *user;                /* name, else the number */
	uid_t uid;
	uint64_t netns, pidns; /* inode numbers; 0: not allowed to see */
	pid_t inside;          /* its number in a PID namespace of its own; 0: it is in ours */
	int64_t start_ns;      /* CLOCK_REALTIME */
	struct proc_owner owner;
};

int proc_read(pid_t pid, struct proc_info *ret_info);
void proc_info_free(struct proc_info *info);

/** The whole command line, as .command above. Return: "[gone]" for a process that has ended; the caller's to free. */
char *proc_command(pid_t pid);

/** The file of its program. Return: the caller's to free; NULL if it may not be seen or has none. */
char *proc_program(pid_t pid);

/** Open descriptors of a process. Return: their number; -EACCES, -ESRCH. */
int proc_fd_count(pid_t pid);

/**
 * Call @fn for every descriptor of @pid that is a socket.
 * Return: 0; -EACCES if its descriptors may not be seen; -ESRCH.
 */
typedef void (*proc_socket_fn)(void *arg, pid_t pid, int fd, uint64_t inode);
int proc_each_socket(pid_t pid, proc_socket_fn fn, void *arg);

/** True if @pid has one of these sockets open, as far as its descriptors may be seen. */
bool proc_has_socket(pid_t pid, const uint64_t *inodes, size_t count);

/* One Unix socket of a /proc/PID/net/unix: the list of the network namespace of @pid. */
struct proc_unix {
	uint64_t inode;
	bool listening;
	/* as it was bound, inside the line; "@name" if it is abstract, "" if it has none */
	const char *path;
};

/** One line of the list, without its newline. Return: false if it is none: the head, or nonsense. */
bool proc_parse_unix(const char *line, struct proc_unix *ret_entry);

/** Call @fn for every Unix socket that is bound; it returns false to stop. */
typedef bool (*proc_unix_fn)(void *arg, const struct proc_unix *entry);
int proc_each_unix(pid_t pid, proc_unix_fn fn, void *arg);

/* Inode number of a namespace of @pid ("net", "pid"); 0 if it may not be seen. */
uint64_t proc_namespace(pid_t pid, const char *name);

#endif
