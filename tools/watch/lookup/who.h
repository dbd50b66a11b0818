/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_WHO_H
#define BERTH_WATCH_WHO_H
/*
 * Who has a port or a Unix socket: every socket that occupies it, in every network namespace that
 * we may enter, the processes that have it open, and the workers that these belong to.
 *
 *	who_find(3101, maps, map_count, &who), or who_find_path("@x11", &who)
 *	... who->holders ...
 *	who_free(who);
 * who_find() returns 0 or -errno and prints nothing. It counts what it may not see.
 */
#include "tools/base/diag.h"
#include "tools/process/proc.h"

/* The values are the exit statuses of `berth who`. */
enum who_verdict {
	WHO_OWNED = 0,     /* held by a process that we can name */
	WHO_FREE = 1,      /* in our network namespace; others have ports of their own */
	WHO_INVISIBLE = 3, /* held, but by no process that we can see */
};

/* A port map of a live run, in which the port may be virtual. The strings are the caller's. */
struct who_map {
	const char *run, *task, *path;
	unsigned int worker;
};

struct who_socket {
	struct diag_socket socket; /* of a path: its inode, and TCP's states */
	uint64_t netns;            /* inode number */
	bool here;                 /* in our own network namespace */
	unsigned int holders;      /* how many of who->holders have it open */
};

struct who_ancestor {
	pid_t pid;
	char comm[PROC_COMM];
};

/* A process that has one or more of the sockets open. */
struct who_holder {
	struct proc_info info;
	struct who_ancestor *ancestors; /* parent first, up to pid 1 */
	size_t ancestor_count;
	size_t *sockets; /* indexes in who->sockets */
	size_t socket_count;
	/* the port in the worker of this process; 0 = no worker, or not remapped */
	uint16_t virtual_port;
	char *unit; /* systemd unit; NULL = none */
};

/* A worker in which the port is virtual. */
struct who_virtual {
	char *run, *task;
	unsigned int worker;
	uint16_t real_port;
	bool held; /* a socket occupies the real port */
};

struct who {
	char *name;    /* as asked: "3101", "/run/x.sock", "@x11" */
	uint16_t port; /* 0: it is a path */
	enum who_verdict verdict;
	struct who_socket *sockets;
	size_t socket_count;
	struct who_holder *holders;
	size_t holder_count;
	struct who_virtual *virtuals;
	size_t virtual_count;
	unsigned int hidden_processes;  /* we may not see their descriptors */
	unsigned int hidden_namespaces; /* network namespaces that we may not enter */
};

/** @maps: port maps of live runs; those of visible processes are found anyway. */
int who_find(uint16_t port, const struct who_map *maps, size_t map_count, struct who **ret_who);

/**
 * @path	as /proc/net/unix writes it; an abstract name of a worker as the worker calls it
 */
int who_find_path(const char *path, struct who **ret_who);
void who_free(struct who *who);

/** Return: advice how to free the port, one line; a new string. */
char *who_advice(const struct who *who);

#endif
