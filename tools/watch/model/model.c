/* SPDX-License-Identifier: MIT */
/*
 * Events in. A process is described from /proc at the moment it does something worth naming, because later it may be gone; its
 * command line comes with the exec event and cannot be missed.
 *
 * Laws: events of one socket arrive in order, events of processes may be missing (held back, lost): whatever is not known is
 * looked up or left out, never assumed. Nothing is forgotten before the run ends; a run of a million events has a few
 * thousand sockets with ports of their own.
 */
#include "tools/watch/model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/watch/lookup/who.h"

enum { TICK_NS = 10000000, ANCESTORS_MOST = 8, COMMAND_MOST = 400 };

/* ---- processes ---- */

static void free_process(void *value)
{
	struct watch_process *process = value;

	if (process->older)
		free_process(process->older);
	free(process->command);
	free(process->directory);
	strv_free(process->ancestry);
	symbol_stack_free(&process->never_stack);
	free(process);
}

static struct watch_process *add_process(struct watch *watch, pid_t pid, unsigned int worker)
{
	struct watch_process *process = mem_alloc(sizeof(*process));

	process->pid = pid;
	process->worker = worker;
	process->alive = true;
	process->older = table_get(&watch->processes, (uint64_t)pid);
	table_set(&watch->processes, (uint64_t)pid, process);
	watch->workers[worker].processes++;
	return process;
}

struct watch_process *model_process(struct watch *watch, pid_t pid, unsigned int worker)
{
	struct watch_process *process = table_get(&watch->processes, (uint64_t)pid);

	return process ? process : add_process(watch, pid, worker);
}

static void read_ancestry(struct watch_process *process)
{
	pid_t pid = process->parent;

	strv_free(process->ancestry);
	process->ancestry = NULL;
	for (int i = 0; i < ANCESTORS_MOST && pid > 1; i++) {
		struct proc_stat stat;

		if (proc_read_stat(pid, &stat))
			return;
		strv_own(&process->ancestry, str_print("%s (%d)", stat.comm, pid));
		if (pid == getpid()) /* who started us is nobody's finding */
			return;
		pid = stat.ppid;
	}
}

void model_describe(struct watch_process *process)
{
	struct proc_info info;

	if (process->described || !process->alive || proc_read(process->pid, &info))
		return;
	process->described = true;
	symbol_learn(process->pid);
	if (!process->began_ns)
		process->began_ns = (uint64_t)(info.start_ns + TICK_NS / 2 - clock_wall_ns() +
		                               clock_ns()); /* it is in ticks */
	memcpy(process->comm, info.stat.comm, sizeof(process->comm));
	process->parent = info.stat.ppid;
	process->inside = info.inside;
	if (*info.command != '[') { /* not of a zombie */
		free(process->command);
		process->command = steal(&info.command);
	}
	free(process->directory);
	process->directory = steal(&info.directory);
	read_ancestry(process);
	proc_info_free(&info);
}

struct watch_process *model_process_of_event(struct watch *watch, const struct berth_event *event)
{
	struct watch_process *process = model_process(watch, (pid_t)event->pid, event->worker);

	if (!*process->comm)
		memcpy(process->comm, event->comm, sizeof(process->comm));
	model_describe(process);
	return process;
}

static void on_forked(struct watch *watch, const struct berth_event *event)
{
	struct watch_process *parent = table_get(&watch->processes, event->parent);
	struct watch_process *process = add_process(watch, (pid_t)event->pid, event->worker);

	process->parent = (pid_t)event->parent;
	process->began_ns = event->time_ns;
	memcpy(process->comm, event->comm, sizeof(process->comm));
	if (parent)
		process->command = str_copy(parent->command); /* until it executes something */
}

/* Its own file, even if it has ended by now: the path may be relative to a directory that only it knew. */
static void learn_program(const struct watch_process *process, const struct berth_event *event)
{
	cleanup_free char *program = str_copy_len(event->text, event->text_len);
	cleanup_free char *link = str_print("/proc/%d/exe", process->pid), *path = NULL;

	path = realpath(link, NULL);
	symbol_learn_file(path ? path : program);
}

static void on_executed(struct watch *watch, const struct berth_event *event)
{
	struct watch_process *process = model_process(watch, (pid_t)event->pid, event->worker);

	process->parent = (pid_t)event->parent;
	process->described = false;
	memcpy(process->comm, event->comm, sizeof(process->comm));
	free(process->command);
	process->command = proc_parse_command(event->text, event->text_len, COMMAND_MOST);
	memset(&process->descriptors, 0, sizeof(process->descriptors));
	learn_program(process, event);
}

static void on_exited(struct watch *watch, const struct berth_event *event)
{
	struct watch_process *process = model_process(watch, (pid_t)event->pid, event->worker);
	struct watch_worker *worker = &watch->workers[event->worker];

	rule_descriptor_growth(watch, process);
	process->alive = false;
	process->status = event->error;
	process->status_known = event->source == BERTH_SOURCE_BPF;
	process->memory_kib = event->count;
	if (event->count > worker->memory_peak_kib)
		worker->memory_peak_kib = event->count;
}

/* ---- sockets that have a port ---- */

uint16_t model_virtual_port(const struct watch *watch, unsigned int worker, uint16_t port)
{
	const struct berth_portmap *map = watch->workers[worker].map;

	return map ? berth_portmap_virtual(map, port) : port;
}

static void free_endpoint(void *value)
{
	struct watch_endpoint *endpoint = value;

	symbol_stack_free(&endpoint->stack);
	free(endpoint);
}

static struct watch_endpoint *endpoint_of(struct watch *watch, const struct berth_event *event)
{
	struct watch_endpoint *endpoint = table_get(&watch->endpoints, event->cookie);

	if (endpoint)
		return endpoint;
	endpoint = mem_alloc(sizeof(*endpoint));
	endpoint->cookie = event->cookie;
	endpoint->opened_ns = event->opened_ns;
	endpoint->worker = event->worker;
	endpoint->next = watch->newest;
	watch->newest = endpoint;
	table_set(&watch->endpoints, event->cookie, endpoint);
	return endpoint;
}

static struct watch_endpoint *update_endpoint(struct watch *watch, const struct berth_event *event)
{
	struct watch_endpoint *endpoint = endpoint_of(watch, event);

	endpoint->pid = (pid_t)event->pid;
	endpoint->process = model_process_of_event(watch, event);
	endpoint->proto = (enum berth_proto)event->proto;
	endpoint->family = event->family;
	endpoint->port = event->local_port;
	endpoint->virtual_port = model_virtual_port(watch, event->worker, event->local_port);
	endpoint->ip = event->local;
	return endpoint;
}

/* A program whose bind failed has now bound something: on another port it went elsewhere, on the same it just retried. */
static void recover(struct watch *watch, const struct watch_endpoint *endpoint)
{
	for (struct table_cell *cell = NULL; (cell = table_next(&watch->failures, cell));) {
		struct bind_failure *failure = cell->value;

		if (failure->worker != endpoint->worker || !failure->process ||
		    failure->process->pid != endpoint->pid)
			continue;
		if (failure->virtual_port == endpoint->virtual_port)
			failure->retried = true;
		else
			failure->elsewhere = true;
	}
}

static void on_bound(struct watch *watch, const struct berth_event *event)
{
	struct watch_endpoint *endpoint = update_endpoint(watch, event);

	endpoint->bound_ns = event->time_ns;
	if (watch->failures.count)
		recover(watch, endpoint);
}

static void on_listening(struct watch *watch, const struct berth_event *event)
{
	struct watch_endpoint *endpoint;

	if (event->family == AF_UNIX) {
		socket_path_listening(watch, event);
		return;
	}
	endpoint = update_endpoint(watch, event);
	endpoint->listen_ns = event->time_ns;
	endpoint->listening = true;
	endpoint->reuse = event->reuse;
	symbol_stack_free(&endpoint->stack);
	symbol_locate((pid_t)event->pid, event->stack, event->stack_len, &event->caller,
	              &endpoint->stack);
}

static void on_unlistened(struct watch *watch, const struct berth_event *event)
{
	struct watch_endpoint *endpoint = table_get(&watch->endpoints, event->cookie);

	if (endpoint)
		endpoint->listening = false;
}

static void count_second(struct watch_process *process, uint64_t opened_ns)
{
	uint32_t second = (uint32_t)(opened_ns / 1000000000);

	for (unsigned int i = 0; i < process->never_spread; i++)
		if (process->never_seconds[i] == second)
			return;
	if (process->never_spread < NEVER_SECONDS)
		process->never_seconds[process->never_spread++] = second;
}

static void count_abandoned(struct watch *watch, const struct berth_event *event)
{
	struct watch_process *process = model_process(watch, (pid_t)event->parent, event->worker);
	struct monitor_stack stack;
	bool known = watch->monitor && monitor_stack(watch->monitor, event->cookie, true, &stack);

	/* a process that was killed had no chance to close anything */
	if ((process->status & 0x7f) || !event->remote_port)
		return;
	count_second(process, event->opened_ns);
	if (!process->never_closed++) {
		process->never_ns = event->opened_ns;
		process->never_port = event->remote_port;
	}
	if (known && !process->never_stack.count)
		symbol_locate((pid_t)stack.pid, stack.frames, stack.len, &stack.caller,
		              &process->never_stack);
}

static void count_stuck(struct watch *watch, const struct berth_event *event)
{
	struct watch_process *process = model_process(watch, (pid_t)event->parent, event->worker);

	process->stuck++;
	if (!process->stuck_ns)
		process->stuck_ns = event->opened_ns;
}

static void on_closed(struct watch *watch, const struct berth_event *event)
{
	struct watch_endpoint *endpoint = table_get(&watch->endpoints, event->cookie);

	if (endpoint) {
		endpoint->closed_ns = event->time_ns;
		endpoint->listening = false;
	}
	if (!endpoint && !event->accepted && event->how == BERTH_CLOSED_EXIT)
		count_abandoned(watch, event);
	if (event->close_wait_ns / 1000000 >= (uint64_t)watch->policy.close_wait_ms)
		count_stuck(watch, event);
}

/* ---- failures and connections ---- */

static const struct watch_endpoint *holder_among_us(const struct watch *watch,
                                                    enum berth_proto proto, uint16_t port)
{
	for (const struct watch_endpoint *at = watch->newest; at; at = at->next)
		if (at->port == port && at->proto == proto && !at->closed_ns)
			return at;
	return NULL;
}

static char *holder_outside(uint16_t port)
{
	struct who *who;
	char *text = NULL;

	if (who_find(port, NULL, 0, &who))
		return NULL;
	/* holders of other namespaces come last: ours was walked first */
	if (who->verdict == WHO_OWNED)
		text = str_print("%s (pid %d), outside the run", who->holders[0].info.command,
		                 who->holders[0].info.stat.pid);
	else if (who->verdict == WHO_INVISIBLE && who->sockets[0].socket.state == DIAG_TIME_WAIT)
		text = str_copy("a connection in TIME_WAIT, without a process");
	else if (who->verdict == WHO_INVISIBLE)
		text = str_copy("a process that cannot be seen");
	who_free(who);
	return text;
}

static void find_holder(struct watch *watch, struct bind_failure *failure)
{
	const struct watch_endpoint *holder = holder_among_us(watch, failure->proto, failure->port);

	if (!holder) {
		failure->holder = holder_outside(failure->port);
		return;
	}
	failure->holder_worker = holder->worker;
	failure->holder = str_print("%s (pid %d)",
	                            holder->process && holder->process->command
	                                    ? holder->process->command
	                                    : "a process",
	                            holder->pid);
}

static void on_bind_failed(struct watch *watch, const struct berth_event *event)
{
	const struct berth_portmap *map = watch->workers[event->worker].map;
	uint64_t key = table_hash(TABLE_HASH, &event->worker, sizeof(event->worker));
	struct bind_failure *failure;
	uint16_t real;

	key = table_hash(table_hash(key, &event->local_port, sizeof(event->local_port)),
	                 &event->proto, 1);
	if (event->family == AF_UNIX)
		socket_path_failed(watch, event);
	if (event->error != EADDRINUSE || !event->local_port)
		return;
	failure = table_get(&watch->failures, key);
	if (failure) {
		failure->count++;
		return;
	}
	failure = mem_alloc(sizeof(*failure));
	real = map ? berth_portmap_real(map, (enum berth_proto)event->proto, event->local_port) : 0;
	*failure = (struct bind_failure){
		.worker = event->worker,
		.proto = (enum berth_proto)event->proto,
		.count = 1,
		.first_ns = event->time_ns,
		.port = real ? real
		             : event->local_port, /* the kernel backend rewrites behind the caller's back */
		.virtual_port = real ? event->local_port
		                     : model_virtual_port(watch, event->worker, event->local_port),
		.process = model_process_of_event(watch, event),
	};
	symbol_locate((pid_t)event->pid, event->stack, event->stack_len, &event->caller,
	              &failure->stack);
	find_holder(watch, failure);
	table_set(&watch->failures, key, failure);
}

static void free_failure(void *value)
{
	struct bind_failure *failure = value;

	symbol_stack_free(&failure->stack);
	free(failure->holder);
	free(failure);
}

static void on_connect_failed(struct watch *watch, const struct berth_event *event)
{
	if (event->family == AF_UNIX)
		socket_path_failed(watch, event);
}

static void on_connected(struct watch *watch, const struct berth_event *event)
{
	uint64_t key = table_hash(table_hash(TABLE_HASH, &event->worker, sizeof(event->worker)),
	                          &event->proto, 1);

	key = table_hash(table_hash(key, &event->remote, sizeof(event->remote)),
	                 &event->remote_port, sizeof(event->remote_port));
	if (table_get(&watch->destinations, key))
		return;
	table_set(&watch->destinations, key, watch);
	model_process_of_event(watch, event);
	rule_connection(watch, event);
}

static void (*const handlers[BERTH_EVENT_TAGS])(struct watch *, const struct berth_event *) = {
	[BERTH_EVENT_BOUND] = on_bound,
	[BERTH_EVENT_BIND_FAILED] = on_bind_failed,
	[BERTH_EVENT_LISTENING] = on_listening,
	[BERTH_EVENT_UNLISTENED] = on_unlistened,
	[BERTH_EVENT_CONNECTED] = on_connected,
	[BERTH_EVENT_SENT] = on_connected,
	[BERTH_EVENT_CONNECT_FAILED] = on_connect_failed,
	[BERTH_EVENT_CLOSED] = on_closed,
	[BERTH_EVENT_FORKED] = on_forked,
	[BERTH_EVENT_EXECUTED] = on_executed,
	[BERTH_EVENT_EXITED] = on_exited,
};

void model_event(struct watch *watch, const struct berth_event *event)
{
	if (event->worker > BERTH_WORKERS_MAX)
		return;
	if (event->tag < BERTH_EVENT_TAGS && handlers[event->tag])
		handlers[event->tag](watch, event);
	if (watch->setup.on_event)
		watch->setup.on_event(watch->setup.arg, event);
}

void model_free(struct watch *watch)
{
	table_free(&watch->endpoints, free_endpoint);
	table_free(&watch->failures, free_failure);
	table_free(&watch->processes, free_process);
	table_free(&watch->destinations, NULL);
	table_free(&watch->told, NULL);
	socket_path_free(watch);
}
