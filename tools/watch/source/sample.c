/* SPDX-License-Identifier: MIT */
/*
 * The source that needs no privilege: every now and then the sockets of the workers' processes are listed, and the difference
 * to the last list is told as events, the same records as the monitor's with another .source.
 *
 * What it cannot do: see what lives shorter than the pause, see a bind fail, take a stack, say who closed. So its counts are
 * lower bounds. What it can do as well as the monitor: name what is still open at the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/clock.h"
#include "tools/base/diag.h"
#include "tools/base/str.h"
#include "tools/watch/model/model.h"

/* one socket, by cookie */
struct sampled_socket {
	struct berth_socket socket;
	uint64_t generation; /* of the look that saw it last */
	bool gone;
};

/* of a socket inode */
struct socket_owner {
	unsigned int worker;
	pid_t pid;
};

struct sampler {
	struct watch *watch;
	struct diag *diag;
	struct table sockets; /* cookie -> struct sampled_socket */
	struct table owners;  /* inode -> struct socket_owner, of the look in progress */
	unsigned int worker;  /* the one being listed */
	uint64_t generation;
};

int sample_open(struct watch *watch, struct sampler **ret_sample)
{
	struct sampler *sample = mem_alloc(sizeof(*sample));
	int ret = diag_open(-1, &sample->diag);

	if (ret) {
		free(sample);
		return ret;
	}
	sample->watch = watch;
	*ret_sample = sample;
	return 0;
}

void sample_close(struct sampler *sample)
{
	if (!sample)
		return;
	diag_close(sample->diag);
	table_free(&sample->sockets, free);
	table_free(&sample->owners, free);
	free(sample);
}

/* ---- telling ---- */

static struct berth_event event_for(const struct sampled_socket *one, enum berth_event_tag tag)
{
	const struct berth_socket *socket = &one->socket;
	struct berth_event event = {
		.tag = (uint16_t)tag,
		.version = BERTH_EVENT_VERSION,
		.source = BERTH_SOURCE_SAMPLE,
		.size = BERTH_EVENT_HEAD,
		.time_ns = (uint64_t)clock_ns(),
		.cookie = socket->cookie,
		.opened_ns = socket->opened_ns,
		.worker = socket->worker,
		.pid = socket->pid,
		.parent = socket->pid,
		.local_port = socket->local_port,
		.remote_port = socket->remote_port,
		.family = socket->family,
		.proto = socket->proto,
		.accepted = socket->accepted,
		.local = socket->local,
		.remote = socket->remote,
	};

	memcpy(event.comm, socket->comm, sizeof(event.comm));
	return event;
}

static void tell(struct sampler *sample, const struct sampled_socket *one, enum berth_event_tag tag,
                 enum berth_count count)
{
	struct berth_event event = event_for(one, tag);

	sample->watch->workers[one->socket.worker].counts.of[count]++;
	model_event(sample->watch, &event);
}

static bool is_server_side(const struct sampler *sample, const struct diag_socket *socket)
{
	for (const struct watch_endpoint *at = sample->watch->newest; at; at = at->next)
		if (at->listening && at->port == socket->local_port && at->proto == socket->proto)
			return true;
	return false;
}

static void report_new(struct sampler *sample, struct sampled_socket *one,
                       const struct diag_socket *socket)
{
	if (socket->state == DIAG_LISTEN) {
		tell(sample, one, BERTH_EVENT_BOUND, BERTH_COUNT_bound);
		tell(sample, one, BERTH_EVENT_LISTENING, BERTH_COUNT_listening);
	} else if (socket->state == DIAG_BOUND ||
	           (socket->proto == BERTH_UDP && !socket->remote_port)) {
		tell(sample, one, BERTH_EVENT_BOUND, BERTH_COUNT_bound);
	} else if (one->socket.accepted) {
		tell(sample, one, BERTH_EVENT_ACCEPTED, BERTH_COUNT_accepted);
	} else if (socket->proto == BERTH_TCP && socket->state != DIAG_SYN_SENT) {
		tell(sample, one, BERTH_EVENT_CONNECTED, BERTH_COUNT_connected);
	}
}

static void report_gone(struct sampler *sample, struct sampled_socket *one)
{
	const struct watch_process *process = table_get(&sample->watch->processes, one->socket.pid);
	struct berth_event event = event_for(one, BERTH_EVENT_CLOSED);

	event.how = process && !process->alive ? BERTH_CLOSED_EXIT : BERTH_CLOSED_PROGRAM;
	if (one->socket.close_wait_since_ns)
		event.close_wait_ns = event.time_ns - one->socket.close_wait_since_ns;
	sample->watch->workers[one->socket.worker]
		.counts
		.of[one->socket.accepted ? BERTH_COUNT_accepted_closed : BERTH_COUNT_closed]++;
	one->gone = true;
	model_event(sample->watch, &event);
}

/* ---- looking ---- */

static void on_descriptor(void *arg, pid_t pid, int fd, uint64_t inode)
{
	struct sampler *sample = arg;
	struct socket_owner *owner;

	(void)fd;
	if (table_get(&sample->owners, inode))
		return; /* shared with another process: whoever was listed first answers for it */
	owner = mem_alloc(sizeof(*owner));
	*owner = (struct socket_owner){ sample->worker, pid };
	table_set(&sample->owners, inode, owner);
}

static void report_process(struct sampler *sample, pid_t pid, enum berth_event_tag tag)
{
	struct berth_event event = { .tag = (uint16_t)tag,
		                     .version = BERTH_EVENT_VERSION,
		                     .source = BERTH_SOURCE_SAMPLE,
		                     .size = BERTH_EVENT_HEAD,
		                     .time_ns = (uint64_t)clock_ns(),
		                     .worker = sample->worker,
		                     .pid = (uint32_t)pid };
	struct proc_stat stat;

	if (tag == BERTH_EVENT_FORKED) {
		if (proc_read_stat(pid, &stat))
			return;
		event.parent = (uint32_t)stat.ppid;
		memcpy(event.comm, stat.comm, sizeof(event.comm));
	}
	sample->watch->workers[sample->worker]
		.counts.of[tag == BERTH_EVENT_FORKED ? BERTH_COUNT_forked : BERTH_COUNT_exited]++;
	model_event(sample->watch, &event);
}

static bool is_in(pid_t pid, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static void list_worker(struct sampler *sample, const struct watch_worker *worker)
{
	struct watch *watch = sample->watch;
	pid_t *pids;
	size_t count = worker_list_processes(watch, worker, &pids);

	sample->worker = worker->number;
	for (size_t i = 0; i < count; i++) {
		struct watch_process *known = table_get(&watch->processes, (uint64_t)pids[i]);
		struct proc_stat stat;

		if (!known || !known->alive)
			report_process(sample, pids[i], BERTH_EVENT_FORKED);
		else if (!proc_read_stat(pids[i], &stat) &&
		         memcmp(stat.comm, known->comm, sizeof(stat.comm)))
			known->described = false; /* it executes another program by now */
		known = table_get(&watch->processes, (uint64_t)pids[i]);
		if (known)
			model_describe(known);
		(void)proc_each_socket(pids[i], on_descriptor, sample);
	}
	for (struct table_cell *cell = NULL; (cell = table_next(&watch->processes, cell));) {
		const struct watch_process *process = cell->value;

		if (process->alive && process->worker == worker->number &&
		    !is_in(process->pid, pids, count))
			report_process(sample, process->pid, BERTH_EVENT_EXITED);
	}
	free(pids);
}

static struct sampled_socket *add_socket(struct sampler *sample, const struct diag_socket *socket,
                                         const struct socket_owner *owner)
{
	struct sampled_socket *one = mem_alloc(sizeof(*one));
	const struct watch_process *process = table_get(&sample->watch->processes,
	                                                (uint64_t)owner->pid);
	uint64_t *counts = sample->watch->workers[owner->worker].counts.of;

	one->socket = (struct berth_socket){
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
		.accepted = socket->proto == BERTH_TCP && socket->remote_port &&
		            is_server_side(sample, socket),
	};
	if (process)
		memcpy(one->socket.comm, process->comm, sizeof(one->socket.comm));
	if (!one->socket.accepted) {
		counts[BERTH_COUNT_opened]++;
		counts[BERTH_COUNT_opened_udp] += socket->proto == BERTH_UDP;
	}
	table_set(&sample->sockets, socket->cookie, one);
	return one;
}

static void on_socket(void *arg, const struct diag_socket *socket)
{
	struct sampler *sample = arg;
	const struct socket_owner *owner = socket->inode ? table_get(&sample->owners, socket->inode)
	                                                 : NULL;
	struct sampled_socket *one = table_get(&sample->sockets, socket->cookie);

	if (!owner)
		return;
	if (!one) {
		one = add_socket(sample, socket, owner);
		report_new(sample, one, socket);
	} else if (one->socket.state == DIAG_BOUND && socket->state == DIAG_LISTEN) {
		tell(sample, one, BERTH_EVENT_LISTENING, BERTH_COUNT_listening);
	}
	one->generation = sample->generation;
	one->socket.state = socket->state;
	one->socket.pid = (uint32_t)owner->pid;
	if (socket->state == DIAG_CLOSE_WAIT && !one->socket.close_wait_since_ns)
		one->socket.close_wait_since_ns = (uint64_t)clock_ns();
}

void sample_tick(struct sampler *sample)
{
	static const struct diag_filter listeners = { .states = 1u << DIAG_LISTEN |
		                                                1u << DIAG_CLOSE |
		                                                1u << DIAG_BOUND };
	static const struct diag_filter others = {
		.states = ~(1u << DIAG_LISTEN | 1u << DIAG_BOUND | 1u << DIAG_TIME_WAIT |
		            1u << DIAG_CLOSE) &
		          ((1u << DIAG_STATES) - 1)
	};
	struct watch *watch = sample->watch;

	sample->generation++;
	for (unsigned int i = 1; i <= watch->worker_max; i++)
		if (watch->workers[i].begun && !watch->workers[i].ended)
			list_worker(sample, &watch->workers[i]);
	/* listeners first: a connection is told from an accepted one by them */
	if (sample->owners.count) {
		(void)diag_dump(sample->diag, &listeners, on_socket, sample);
		(void)diag_dump(sample->diag, &others, on_socket, sample);
	}
	table_free(&sample->owners, free);
	for (struct table_cell *cell = NULL; (cell = table_next(&sample->sockets, cell));) {
		struct sampled_socket *one = cell->value;

		if (!one->gone && one->generation != sample->generation)
			report_gone(sample, one);
	}
}

int sample_sockets(struct sampler *sample, watch_socket_fn fn, void *arg)
{
	for (struct table_cell *cell = NULL; (cell = table_next(&sample->sockets, cell));) {
		const struct sampled_socket *one = cell->value;

		if (!one->gone)
			fn(arg, &one->socket);
	}
	return 0;
}
