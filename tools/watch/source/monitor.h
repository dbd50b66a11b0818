/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_MONITOR_H
#define BERTH_WATCH_MONITOR_H
/*
 * The eBPF monitor, seen from our side: load what this kernel takes, attach it, hand over what it
 * says. Only this file's .c knows libbpf. Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.
 */
#include <stdbool.h>

#include "bpf/monitor.h"
#include "tools/base/loop.h"

struct monitor_setup {
	struct loop *loop;
	int cgroup;        /* directory of cgroup v2: sockets created below it are watched */
	bool everything;   /* an event for each step of each socket */
	bool every_cgroup; /* what belongs to no worker is worker 0, instead of nobody */
	/* workers are made of processes: monitor_process_add(), and what they fork */
	bool by_process;
	bool stacks; /* keep the creation stack of each socket */
	void (*on_event)(void *arg, const struct berth_event *event);
	void *arg;
};

struct monitor;

/**
 * Load and attach. A program that does not load is left out; monitor_losses() says what that costs.
 * Return: 0; -EPERM without the capabilities; -ENOTSUP where what cannot be left out does not load;
 *	   -errno.
 */
int monitor_open(const struct monitor_setup *setup, struct monitor **ret_monitor);
void monitor_close(struct monitor *monitor);

/* Which features are missing, one half-sentence each; strv of static texts, NULL-terminated. */
const char *const *monitor_losses(const struct monitor *monitor);

/** Processes below @cgroup are worker @number from now on. */
int monitor_worker_add(struct monitor *monitor, unsigned int number, int cgroup);
void monitor_worker_remove(struct monitor *monitor, int cgroup);

/**
 * Process @pid, and every one that it forks from now on, is of worker @number. With
 * setup.by_process.
 */
int monitor_process_add(struct monitor *monitor, unsigned int number, pid_t pid);

/**
 * Watch a socket that was there before: @socket is a descriptor of ours for it.
 * Return: 0; -EEXIST if it is watched already; -errno.
 */
int monitor_adopt(struct monitor *monitor, int socket, const struct monitor_note *note);

/** Deliver everything that lies in the ring. */
void monitor_drain(struct monitor *monitor);

/** Sum over the CPUs. @number 0..BERTH_WORKERS_MAX. */
int monitor_counts(struct monitor *monitor, unsigned int number, struct berth_counts *ret_counts);

/**
 * Every socket that has been seen being created and that still exists.
 * Return: 0; -ENOTSUP if the iterator did not load; -errno.
 */
typedef void (*monitor_socket_fn)(void *arg, const struct berth_socket *socket);
int monitor_snapshot(struct monitor *monitor, monitor_socket_fn fn, void *arg);

/** The stack that created a socket. Return: false if there is none. @forget: the socket is gone. */
bool monitor_stack(struct monitor *monitor, uint64_t cookie, bool forget,
                   struct monitor_stack *ret_stack);

/**
 * Calls of its programs that the kernel left out, because one was under way on the same CPU: what
 * they would have seen is lost.
 */
uint64_t monitor_missed(const struct monitor *monitor);

#endif
