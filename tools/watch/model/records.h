/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_RECORDS_H
#define BERTH_WATCH_RECORDS_H
/*
 * The records of the model. Times are CLOCK_MONOTONIC, ports are in host byte order, and the model
 * owns all strings.
 */
#include "core/abi.h"
#include "tools/process/family.h"
#include "tools/process/proc.h"
#include "tools/watch/lookup/symbol.h"
#include "tools/watch/model/measurements.h"

/* One isolated copy of the command. Number 0 stands for everything that belongs to no worker. */
struct watch_worker {
	unsigned int number;
	char *task;
	int cgroup;                      /* the caller's descriptor; -1 = none */
	const struct berth_portmap *map; /* the caller's; NULL = nothing is remapped */
	pid_t pid;                       /* its first process; 0 = not started */
	bool begun, ended;
	bool passed;                            /* its command ended with status 0 */
	struct berth_counts counts;             /* sampling adds here; eBPF is read at the end */
	uint64_t sockets_alive, accepted_alive; /* sockets that still exist */
	unsigned int processes, descriptors_peak;
	uint64_t memory_peak_kib;
};

/* Connections that a process made and that only its end closed. */
struct unclosed_connections {
	unsigned int count;
	/* Different seconds in which they were opened. A pool opens its connections in fewer. */
	uint32_t seconds[8];
	unsigned int second_count;
	uint64_t first_opened_ns;
	uint16_t first_port; /* remote */
	struct symbol_stack first_stack;
};

struct watch_process {
	pid_t pid, parent;
	pid_t pid_inside; /* its number in a PID namespace of its own; 0 = none */
	unsigned int worker;
	char comm[BERTH_COMM];
	char *command, *directory; /* NULL = unknown */
	char **ancestry;           /* strv, parent first: "node (123)" */
	char *slot;                /* see struct proc_owner; NULL = none or unknown */
	bool alive;
	bool described; /* command, directory and ancestry were read */
	bool growth_reported, close_wait_reported;
	int status; /* wait status */
	bool status_known;
	struct measurements descriptors;
	struct unclosed_connections unclosed;
	unsigned int close_waits;       /* connections closed after a long CLOSE_WAIT */
	uint64_t close_wait_opened_ns;  /* when the first of them was opened */
	uint64_t began_ns;              /* CLOCK_MONOTONIC; 0 = unknown */
	uint64_t peak_before_kib;       /* highest memory before its last execve(2) */
	struct watch_process *previous; /* that had the same pid before; NULL = none */
};

/* A socket with a port of its own: bound or listening. */
struct watch_endpoint {
	uint64_t bound_ns, listen_ns, closed_ns; /* CLOCK_MONOTONIC; 0 = not (yet) */
	uint64_t cookie;
	unsigned int worker;
	pid_t pid;
	struct watch_process *process;
	enum berth_proto proto;
	uint16_t port, virtual_port;
	bool listening;
	bool reuse; /* SO_REUSEADDR or SO_REUSEPORT was set */
	struct symbol_stack stack;
	struct watch_endpoint *next; /* older */
};

/* All binds of a worker to one port that failed with EADDRINUSE. */
struct bind_failure {
	unsigned int worker;
	enum berth_proto proto;
	uint16_t port, virtual_port;
	uint64_t count, first_ns;
	struct watch_process *process;
	struct symbol_stack stack;
	char *holder; /* who had the port; NULL = unknown */
	unsigned int holder_worker;
	bool elsewhere; /* the program then bound another port */
	bool retried;   /* the program bound the same port in the end */
};

/* A Unix socket that listens, by inode. */
struct path_listener {
	char *path;
	struct watch_process *process;
	uint64_t since_ns;
	struct symbol_stack stack;
};

/* Binds of a worker to a Unix socket path that was taken, or connects to one without a server. */
struct path_failure {
	unsigned int worker;
	bool is_bind;
	int error;  /* the last one, positive errno */
	char *path; /* "@name" if it is abstract */
	uint64_t count, first_ns;
	struct watch_process *process;
	struct symbol_stack stack;
	char *holder; /* of a bind */
	pid_t last_pid;
	unsigned int attempts; /* of the last process, without one of another process between */
	bool needed;           /* connects that did more than ask whether a server exists */
	bool elsewhere;        /* the program then bound another path */
	bool resolved;         /* a server of the worker got the path in the end */
};

#endif
