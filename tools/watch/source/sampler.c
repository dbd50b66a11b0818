/* SPDX-License-Identifier: MIT */
/*
 * Sampling. Each poll lists the workers' processes (/proc) and their sockets (sock_diag) and sends
 * the difference to the last list as events, the same records as the monitor's with another
 * .source.
 *
 * It cannot see a socket that lives shorter than the pause, a bind that fails, a stack, or who
 * closed a socket. So its counts are lower bounds. As well as the monitor it can name what is still
 * open at the end.
 */
#include "tools/watch/source/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/clock.h"
#include "tools/base/diag.h"
#include "tools/base/str.h"
#include "tools/watch/model/model.h"

struct sampled_socket {
	struct berth_socket socket;
	uint64_t last_poll; /* the number of the poll that saw it last */
	bool closed;
};

struct socket_owner {
	unsigned int worker;
	pid_t pid;
};

struct socket_sampler {
	struct watch_model *model;
	watch_event_fn on_event;
	void *arg;
	struct diag *diag;
	struct table sockets; /* by cookie: struct sampled_socket */
	struct table owners;  /* by inode: struct socket_owner, during one poll */
	unsigned int worker;  /* the one whose processes are being listed */
	uint64_t poll;
};

int sampler_open(struct watch_model *model, watch_event_fn on_event, void *arg,
                 struct socket_sampler **ret_sampler)
{
	struct socket_sampler *sampler = mem_alloc(sizeof(*sampler));
	int ret = diag_open(-1, &sampler->diag);

	if (ret) {
		free(sampler);
		return ret;
	}
	sampler->model = model;
	sampler->on_event = on_event;
	sampler->arg = arg;
	*ret_sampler = sampler;
	return 0;
}

void sampler_close(struct socket_sampler *sampler)
{
	if (!sampler)
		return;
	diag_close(sampler->diag);
	table_free(&sampler->sockets, free);
	table_free(&sampler->owners, free);
	free(sampler);
}

/* ---- sending ---- */

static struct berth_event new_event(enum berth_event_tag tag, unsigned int worker, pid_t pid)
{
	return (struct berth_event){ .tag = (uint16_t)tag,
		                     .version = BERTH_EVENT_VERSION,
		                     .source = BERTH_SOURCE_SAMPLE,
		                     .size = BERTH_EVENT_HEAD,
		                     .time_ns = (uint64_t)clock_ns(),
		                     .worker = worker,
		                     .pid = (uint32_t)pid };
}

static struct berth_event new_socket_event(const struct berth_socket *socket,
                                           enum berth_event_tag tag)
{
	struct berth_event event = new_event(tag, socket->worker, (pid_t)socket->pid);

	event.cookie = socket->cookie;
	event.opened_ns = socket->opened_ns;
	event.parent = socket->pid;
	event.local_port = socket->local_port;
	event.remote_port = socket->remote_port;
	event.family = socket->family;
	event.proto = socket->proto;
	event.accepted = socket->accepted;
	event.local = socket->local;
	event.remote = socket->remote;
	memcpy(event.comm, socket->comm, sizeof(event.comm));
	return event;
}

static void send_event(struct socket_sampler *sampler, const struct berth_event *event,
                       enum berth_count count)
{
	model_worker(sampler->model, event->worker)->counts.of[count]++;
	sampler->on_event(sampler->arg, event);
}

static void send_socket(struct socket_sampler *sampler, const struct sampled_socket *sampled,
                        enum berth_event_tag tag, enum berth_count count)
{
	struct berth_event event = new_socket_event(&sampled->socket, tag);

	send_event(sampler, &event, count);
}

static void send_new(struct socket_sampler *sampler, const struct sampled_socket *sampled,
                     const struct diag_socket *socket)
{
	if (socket->state == DIAG_LISTEN) {
		send_socket(sampler, sampled, BERTH_EVENT_BOUND, BERTH_COUNT_bound);
		send_socket(sampler, sampled, BERTH_EVENT_LISTENING, BERTH_COUNT_listening);
	} else if (socket->state == DIAG_BOUND ||
	           (socket->proto == BERTH_UDP && !socket->remote_port)) {
		send_socket(sampler, sampled, BERTH_EVENT_BOUND, BERTH_COUNT_bound);
	} else if (sampled->socket.accepted) {
		send_socket(sampler, sampled, BERTH_EVENT_ACCEPTED, BERTH_COUNT_accepted);
	} else if (socket->proto == BERTH_TCP && socket->state != DIAG_SYN_SENT) {
		send_socket(sampler, sampled, BERTH_EVENT_CONNECTED, BERTH_COUNT_connected);
	}
}

static void send_closed(struct socket_sampler *sampler, struct sampled_socket *sampled)
{
	const struct berth_socket *socket = &sampled->socket;
	const struct watch_process *process = model_process_find(sampler->model,
	                                                         (pid_t)socket->pid);
	struct berth_event event = new_socket_event(socket, BERTH_EVENT_CLOSED);

	event.how = process && !process->alive ? BERTH_CLOSED_EXIT : BERTH_CLOSED_PROGRAM;
	if (socket->close_wait_since_ns)
		event.close_wait_ns = event.time_ns - socket->close_wait_since_ns;
	sampled->closed = true;
	send_event(sampler, &event,
	           socket->accepted ? BERTH_COUNT_accepted_closed : BERTH_COUNT_closed);
}

/* ---- processes ---- */

static void send_forked(struct socket_sampler *sampler, pid_t pid)
{
	struct berth_event event = new_event(BERTH_EVENT_FORKED, sampler->worker, pid);
	struct proc_stat stat;

	if (proc_read_stat(pid, &stat))
		return;
	event.parent = (uint32_t)stat.ppid;
	memcpy(event.comm, stat.comm, sizeof(event.comm));
	send_event(sampler, &event, BERTH_COUNT_forked);
}

static void on_descriptor(void *arg, pid_t pid, int fd, uint64_t inode)
{
	struct socket_sampler *sampler = arg;
	struct socket_owner *owner;

	(void)fd;
	if (table_get(&sampler->owners, inode))
		return; /* shared: the process that was listed first owns it */
	owner = mem_alloc(sizeof(*owner));
	*owner = (struct socket_owner){ sampler->worker, pid };
	table_set(&sampler->owners, inode, owner);
}

static void list_process(struct socket_sampler *sampler, pid_t pid)
{
	struct watch_process *process = model_process_find(sampler->model, pid);
	struct proc_stat stat;

	if (!process || !process->alive)
		send_forked(sampler, pid);
	else if (!proc_read_stat(pid, &stat) && memcmp(stat.comm, process->comm, sizeof(stat.comm)))
		process->described = false; /* it has executed another program */
	process = model_process_find(sampler->model, pid);
	if (process)
		model_process_describe(process);
	(void)proc_each_socket(pid, on_descriptor, sampler);
}

static void list_worker(struct socket_sampler *sampler, const struct watch_worker *worker)
{
	const struct watch_process *process;
	cleanup_pids struct pids pids = { 0 };

	model_worker_processes(sampler->model, worker, &pids);
	sampler->worker = worker->number;
	for (size_t i = 0; i < pids.count; i++)
		list_process(sampler, pids.list[i]);
	for (struct table_cell *cell = NULL;
	     (process = model_process_next(sampler->model, &cell));) {
		struct berth_event event = new_event(BERTH_EVENT_EXITED, worker->number,
		                                     process->pid);

		if (process->alive && process->worker == worker->number &&
		    !pids_has(&pids, process->pid))
			send_event(sampler, &event, BERTH_COUNT_exited);
	}
}

/* ---- sockets ---- */

static bool is_accepted(struct socket_sampler *sampler, const struct diag_socket *socket)
{
	if (socket->proto != BERTH_TCP || !socket->remote_port)
		return false;
	for (const struct watch_endpoint *at = model_endpoint_newest(sampler->model); at;
	     at = at->next)
		if (at->listening && at->port == socket->local_port && at->proto == BERTH_TCP)
			return true;
	return false;
}

static struct sampled_socket *add_socket(struct socket_sampler *sampler,
                                         const struct diag_socket *socket,
                                         const struct socket_owner *owner)
{
	struct sampled_socket *sampled = mem_alloc(sizeof(*sampled));
	const struct watch_process *process = model_process_find(sampler->model, owner->pid);
	uint64_t *counts = model_worker(sampler->model, owner->worker)->counts.of;

	sampled->socket = (struct berth_socket){
		.cookie = socket->cookie,
		.opened_ns = (uint64_t)clock_ns(),
		.worker = owner->worker,
		.pid = (uint32_t)owner->pid,
		.local_port = socket->local_port,
		.remote_port = socket->remote_port,
		.family = socket->family,
		.proto = (uint8_t)socket->proto,
		.local = socket->local,
		.remote = socket->remote,
		.accepted = is_accepted(sampler, socket),
	};
	if (process)
		memcpy(sampled->socket.comm, process->comm, sizeof(sampled->socket.comm));
	if (!sampled->socket.accepted) {
		counts[BERTH_COUNT_opened]++;
		counts[BERTH_COUNT_opened_udp] += socket->proto == BERTH_UDP;
	}
	table_set(&sampler->sockets, socket->cookie, sampled);
	return sampled;
}

static void on_socket(void *arg, const struct diag_socket *socket)
{
	struct socket_sampler *sampler = arg;
	const struct socket_owner *owner = socket->inode
	                                           ? table_get(&sampler->owners, socket->inode)
	                                           : NULL;
	struct sampled_socket *sampled = table_get(&sampler->sockets, socket->cookie);

	if (!owner)
		return;
	if (!sampled) {
		sampled = add_socket(sampler, socket, owner);
		send_new(sampler, sampled, socket);
	} else if (sampled->socket.state == DIAG_BOUND && socket->state == DIAG_LISTEN) {
		send_socket(sampler, sampled, BERTH_EVENT_LISTENING, BERTH_COUNT_listening);
	}
	sampled->last_poll = sampler->poll;
	sampled->socket.state = socket->state;
	sampled->socket.pid = (uint32_t)owner->pid;
	if (socket->state == DIAG_CLOSE_WAIT && !sampled->socket.close_wait_since_ns)
		sampled->socket.close_wait_since_ns = (uint64_t)clock_ns();
}

void sampler_poll(struct socket_sampler *sampler)
{
	const uint32_t all = (1u << DIAG_STATES) - 1;
	const uint32_t bound = 1u << DIAG_LISTEN | 1u << DIAG_CLOSE | 1u << DIAG_BOUND;
	const struct diag_filter listeners = { .states = bound };
	const struct diag_filter others = { .states = all & ~(bound | 1u << DIAG_TIME_WAIT) };

	sampler->poll++;
	for (struct watch_worker *worker = NULL;
	     (worker = model_worker_next(sampler->model, worker));)
		list_worker(sampler, worker);
	/* listeners first: they tell an accepted connection from one that the worker has made */
	if (sampler->owners.count) {
		(void)diag_dump(sampler->diag, &listeners, on_socket, sampler);
		(void)diag_dump(sampler->diag, &others, on_socket, sampler);
	}
	table_free(&sampler->owners, free);
	for (struct table_cell *cell = NULL; (cell = table_next(&sampler->sockets, cell));) {
		struct sampled_socket *sampled = cell->value;

		if (!sampled->closed && sampled->last_poll != sampler->poll)
			send_closed(sampler, sampled);
	}
}

void sampler_snapshot(struct socket_sampler *sampler, watch_socket_fn fn, void *arg)
{
	for (struct table_cell *cell = NULL; (cell = table_next(&sampler->sockets, cell));) {
		const struct sampled_socket *sampled = cell->value;

		if (!sampled->closed)
			fn(arg, &sampled->socket);
	}
}
