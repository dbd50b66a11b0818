/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_SOURCE_H
#define BERTH_WATCH_SOURCE_H
/*
 * Where events come from: the eBPF monitor, which is exact, or the sampler, which gives lower
 * bounds without privilege. Both deliver the same records (core/abi.h) to one callback.
 *
 *	source_open(&setup, &source, &reason)
 *	source_worker_begin(source, worker)
 *	source_poll(source)		deliver everything that is known by now
 *	source_snapshot(source, fn, arg)
 *	source_close(source)
 */
#include <stdbool.h>
#include <sys/types.h>

#include "core/abi.h"
#include "tools/base/loop.h"

struct monitor_stack;
struct watch_model;
struct watch_worker;

enum watch_source { WATCH_AUTO, WATCH_BPF, WATCH_SAMPLE };

typedef void (*watch_event_fn)(void *arg, const struct berth_event *event);
typedef void (*watch_socket_fn)(void *arg, const struct berth_socket *socket);

struct source_setup {
	struct loop *loop; /* NULL: only source_poll() delivers events */
	enum watch_source requested;
	int cgroup;                /* the run's cgroup v2 directory; -1 = none */
	bool everything;           /* an event for each step of each socket; eBPF only */
	bool every_cgroup;         /* what belongs to no worker is worker 0; else it is ignored */
	bool by_process;           /* workers consist of processes, see source_process_add() */
	struct watch_model *model; /* the sampler compares with it; borrowed */
	watch_event_fn on_event;
	void *arg;
};

struct source;

/**
 * @ret_reason	which source was chosen and why: half a sentence, the caller's to free, also after
 *		an error
 * Return: 0; -ENOTSUP if the requested source does not work here; -errno.
 */
int source_open(const struct source_setup *setup, struct source **ret_source, char **ret_reason);
void source_close(struct source *source);

/** Return: whether the source sees every event, as eBPF does. */
bool source_is_exact(const struct source *source);

/**
 * Return: what the source does not see on this machine, half a sentence each; NULL-terminated,
 *	   static.
 */
const char *const *source_losses(const struct source *source);

/** Return: how many calls of the monitor the kernel has skipped. */
uint64_t source_missed(const struct source *source);

/** From now on the processes in worker->cgroup belong to @worker. Return: 0; -errno. */
int source_worker_begin(struct source *source, const struct watch_worker *worker);
void source_worker_end(struct source *source, const struct watch_worker *worker);

/**
 * With setup.by_process: @pid and all that it forks from now on belong to worker @number, with
 * their open sockets.
 * Return: 0; -ENOTSUP when sampling; -errno.
 */
int source_process_add(struct source *source, unsigned int number, pid_t pid);

void source_poll(struct source *source);

/** Bring worker->counts up to date. */
void source_read_counts(struct source *source, struct watch_worker *worker);

/** Call @fn for every socket of the workers that exists now. Return: 0; -ENOTSUP; -errno. */
int source_snapshot(struct source *source, watch_socket_fn fn, void *arg);

/**
 * The stack that created a socket.
 * @forget	free its place in the kernel's table, because the socket is gone
 * Return: false if it is unknown.
 */
bool source_stack(struct source *source, uint64_t cookie, bool forget,
                  struct monitor_stack *ret_stack);

#endif
