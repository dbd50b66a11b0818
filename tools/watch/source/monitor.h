/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_MONITOR_H
#define BERTH_WATCH_MONITOR_H
/*
 * The eBPF monitor in user space: load the programs that this kernel takes, attach them, deliver
 * their events. Only monitor.c knows libbpf. It needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.
 *
 * A build without clang, bpftool or the kernel's types leaves monitor.c out (bpf/build.mk). So the
 * functions are weak: source.c checks that monitor_open() exists, and calls the other functions
 * only for an open monitor.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "bpf/monitor.h"
#include "tools/base/loop.h"

#pragma weak monitor_open
#pragma weak monitor_close
#pragma weak monitor_losses
#pragma weak monitor_worker_add
#pragma weak monitor_worker_remove
#pragma weak monitor_process_add
#pragma weak monitor_adopt
#pragma weak monitor_drain
#pragma weak monitor_counts
#pragma weak monitor_snapshot
#pragma weak monitor_stack
#pragma weak monitor_missed

struct monitor_setup {
	struct loop *loop; /* NULL: only monitor_drain() delivers events */
	int cgroup;        /* cgroup v2 directory: sockets created below it are watched */
	bool everything;   /* an event for each step of each socket */
	bool every_cgroup; /* what belongs to no worker is worker 0; else it is ignored */
	bool by_process;   /* workers consist of processes: monitor_process_add() */
	bool stacks;       /* keep the stack that created each socket */
	void (*on_event)(void *arg, const struct berth_event *event);
	void *arg;
};

struct monitor;

/**
 * Load and attach. A program that does not load is left out; see monitor_losses().
 * Return: 0; -EPERM without the capabilities; -ENOTSUP if an indispensable program does not load;
 *	   -errno.
 */
int monitor_open(const struct monitor_setup *setup, struct monitor **ret_monitor);
void monitor_close(struct monitor *monitor);

/** Return: the missing features, half a sentence each; NULL-terminated, static. */
const char *const *monitor_losses(const struct monitor *monitor);

/** From now on processes below @cgroup belong to worker @number. Return: 0; -errno. */
int monitor_worker_add(struct monitor *monitor, unsigned int number, int cgroup);
void monitor_worker_remove(struct monitor *monitor, int cgroup);

/** With setup.by_process: @pid and all that it forks from now on belong to worker @number. */
int monitor_process_add(struct monitor *monitor, unsigned int number, pid_t pid);

/**
 * Watch a socket that existed before the monitor.
 * @socket	our own descriptor of it
 * Return: 0; -EEXIST if it is watched already; -errno.
 */
int monitor_adopt(struct monitor *monitor, int socket, const struct monitor_note *note);

/** Deliver everything that lies in the ring buffer. */
void monitor_drain(struct monitor *monitor);

/** The sums over all CPUs. @number: 0..BERTH_WORKERS_MAX. Return: 0; -errno. */
int monitor_counts(struct monitor *monitor, unsigned int number, struct berth_counts *ret_counts);

/**
 * Call @fn for every open socket whose creation the monitor saw, or that it adopted.
 * Return: 0; -ENOTSUP if the iterator did not load; -errno.
 */
typedef void (*monitor_socket_fn)(void *arg, const struct berth_socket *socket);
int monitor_snapshot(struct monitor *monitor, monitor_socket_fn fn, void *arg);

/**
 * The stack that created a socket.
 * @forget	free its place in the kernel's table
 * Return: false if it is unknown.
 */
bool monitor_stack(struct monitor *monitor, uint64_t cookie, bool forget,
                   struct monitor_stack *ret_stack);

/**
 * Return: how many calls of its programs the kernel skipped, as one was running on the same CPU.
 */
uint64_t monitor_missed(const struct monitor *monitor);

#endif
