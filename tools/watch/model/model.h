/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_MODEL_H
#define BERTH_WATCH_MODEL_H
/* What is known about the workers of a run: processes, sockets, and calls that failed.
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
#include "tools/watch/model/records.h"

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

/** Workers that have begun and not ended. @worker: NULL = the first. Return: NULL at the end. */
struct watch_worker *model_worker_next(struct watch_model *model,
                                       const struct watch_worker *worker);

/** Add the processes of a worker that are alive to @ret_pids. */
void model_worker_processes(struct watch_model *model, const struct watch_worker *worker,
                            struct pids *ret_pids);

/** What @worker calls the real port @port; @port itself if it is not remapped. */
uint16_t model_virtual_port(struct watch_model *model, unsigned int worker, uint16_t port);

/** Update the virtual ports: a kernel backend writes the port map after the program listens. */
void model_refresh_ports(struct watch_model *model, const struct watch_worker *worker);

/* ---- processes ---- */

/** Return: the newest process with this pid; NULL = unknown. */
struct watch_process *model_process_find(struct watch_model *model, pid_t pid);

/** The same; an unknown process is added to @worker. */
struct watch_process *model_process_get(struct watch_model *model, pid_t pid, unsigned int worker);

/** The process that caused @event, described. */
struct watch_process *model_process_of_event(struct watch_model *model,
                                             const struct berth_event *event);

/** Read command, directory and ancestry from /proc, unless .described or not .alive. */
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

/** The path of an AF_UNIX event as /proc/net/unix writes it; a new string. */
char *model_path_of_event(const struct berth_event *event);

/** @inode: of the Unix socket. NULL = the model has not seen it listen. */
struct path_listener *model_path_listener_find(struct watch_model *model, uint64_t inode);

/* ---- failures; *cell: NULL = the first ---- */

struct bind_failure *model_bind_failure_next(struct watch_model *model, struct table_cell **cell);
struct path_failure *model_path_failure_next(struct watch_model *model, struct table_cell **cell);

#endif
