/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_MODEL_H
#define BERTH_WATCH_MODEL_H
/*
 * What is known about the workers of a run: their processes, their sockets, and the calls that
 * failed.
 *
 *	model_open(run_id, close_wait_ms)
 *	model_worker_begin(model, 3, "auth")
 *	model_apply(model, event, stack)	each event of a source
 *	model_..._next(), model_..._find()	the rules read the records
 *	model_close(model)
 *
 * The model never forgets a record before model_close(), because a report may name a process that
 * ended long ago. Pointers to records stay valid as long. Events of one socket arrive in order.
 * Events of processes may be missing, so the model looks a fact up or leaves it out, and never
 * assumes it.
 */
#include "bpf/monitor.h"
#include "tools/base/table.h"
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

/*
 * All binds of a worker to a Unix socket path that was taken, or all connects to a path without a
 * server.
 */
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

struct watch_model;

/**
 * @run_id	BERTH_RUN of the run's processes; borrowed; NULL = unknown
 * @close_wait_ms	a connection that is closed after so long in CLOSE_WAIT counts in
 *		.close_waits
 */
struct watch_model *model_open(const char *run_id, int64_t close_wait_ms);
void model_close(struct watch_model *model);

/**
 * Take an event in.
 * @stack	of a closed socket: where it was created; NULL = unknown
 */
void model_apply(struct watch_model *model, const struct berth_event *event,
                 const struct monitor_stack *stack);

/** Return: true if @event is the first of its worker to this remote address and port. */
bool model_add_destination(struct watch_model *model, const struct berth_event *event);

/* ---- workers ---- */

/** Return: the worker; NULL if @number is not in 1..BERTH_WORKERS_MAX. */
struct watch_worker *model_worker_begin(struct watch_model *model, unsigned int number,
                                        const char *task);

/** @number: 0..BERTH_WORKERS_MAX. */
struct watch_worker *model_worker(struct watch_model *model, unsigned int number);

/**
 * Workers that have begun and not ended, by number. @worker: NULL = the first. Return: NULL after
 * the last.
 */
struct watch_worker *model_worker_next(struct watch_model *model,
                                       const struct watch_worker *worker);

/** Add the processes of a worker that are alive to @ret_pids. */
void model_worker_processes(struct watch_model *model, const struct watch_worker *worker,
                            struct pids *ret_pids);

/** What @worker calls the real port @port; @port itself if it is not remapped. */
uint16_t model_virtual_port(struct watch_model *model, unsigned int worker, uint16_t port);

/**
 * Look the virtual ports of a worker's records up again. A kernel backend writes the port map after
 * the program listens.
 */
void model_refresh_ports(struct watch_model *model, const struct watch_worker *worker);

/* ---- processes ---- */

/** Return: the newest process with this pid; NULL = unknown. */
struct watch_process *model_process_find(struct watch_model *model, pid_t pid);

/** The same; an unknown process is added to @worker. */
struct watch_process *model_process_get(struct watch_model *model, pid_t pid, unsigned int worker);

/** The process that caused @event, described. */
struct watch_process *model_process_of_event(struct watch_model *model,
                                             const struct berth_event *event);

/**
 * Read command, directory and ancestry from /proc, unless that was done before or the process has
 * ended.
 */
void model_process_describe(struct watch_process *process);

/**
 * All processes; .previous leads to those with a pid that was used again. *cell: NULL = the first.
 */
struct watch_process *model_process_next(struct watch_model *model, struct table_cell **cell);

/** Read how many descriptors each live process has open. */
void model_measure_descriptors(struct watch_model *model);

/** Resident anonymous memory of a process in KiB; 0 = unknown. */
uint64_t model_process_memory_kib(pid_t pid);

/* ---- sockets ---- */

/** Return: the newest endpoint, head of the list of all; NULL = none. */
struct watch_endpoint *model_endpoint_newest(struct watch_model *model);

/** Return: an open endpoint with this real port; NULL = none. */
struct watch_endpoint *model_endpoint_find(struct watch_model *model, enum berth_proto proto,
                                           uint16_t port);

/** Return: whether the worker has an open TCP listener or UDP port. */
bool model_worker_listens(struct watch_model *model, unsigned int worker);

/** @inode: of the Unix socket. NULL = the model has not seen it listen. */
struct path_listener *model_path_listener_find(struct watch_model *model, uint64_t inode);

/* ---- failures; *cell: NULL = the first ---- */

struct bind_failure *model_bind_failure_next(struct watch_model *model, struct table_cell **cell);
struct path_failure *model_path_failure_next(struct watch_model *model, struct table_cell **cell);

#endif
