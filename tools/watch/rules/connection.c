/* SPDX-License-Identifier: MIT */
/*
 * foreign_connection and cross_worker: connections that leave the worker, to a server outside the
 * run or to one of another worker. What is intended passes: the worker's own servers, Berth's
 * servers (the relay, private instances), shared ports, multicast and broadcast, and datagrams that
 * no socket receives. Of Unix sockets the kernel names the process that listens; one that is of no
 * worker passes here.
 */
#include <unistd.h>

#include "core/abstract.h"
#include "core/addr.h"
#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/str.h"
#include "tools/watch/lookup/who.h"
#include "tools/watch/rules/rules.h"

/* Without a port map only loopback and wildcard addresses count as local. */
static bool is_local(const struct berth_portmap *map, const struct berth_ip *ip)
{
	static const struct berth_portmap *empty;

	if (!map && !empty)
		empty = mem_alloc(sizeof(*empty));
	return berth_ip_is_local(map ? map : empty, ip);
}

/*
 * The listener of worker @prefer, although it may be closed by now; else an open one of any worker.
 */
static const struct watch_endpoint *find_listener(struct watch_model *model, enum berth_proto proto,
                                                  uint16_t port, unsigned int prefer)
{
	const struct watch_endpoint *found = NULL;

	for (const struct watch_endpoint *at = model_endpoint_newest(model); at; at = at->next) {
		if (at->port != port || at->proto != proto ||
		    (proto == BERTH_TCP && !at->listen_ns))
			continue;
		if (at->worker == prefer)
			return at;
		if (!found && !at->closed_ns)
			found = at;
	}
	return found;
}

/* Where the socket of the connection was created; {0} if @stack is NULL. */
static struct symbol_stack locate_stack(const struct monitor_stack *stack)
{
	struct symbol_stack places = { 0 };

	if (stack)
		symbol_locate((pid_t)stack->pid, stack->frames, stack->len, &stack->caller,
		              &places);
	return places;
}

static struct rule_report new_report(struct watch_rules *rules, enum finding_kind kind,
                                     const struct berth_event *event,
                                     const struct symbol_stack *stack)
{
	return (struct rule_report){
		.kind = kind,
		.worker = event->worker,
		.process = model_process_find(rules->model, (pid_t)event->pid),
		.protocol = rule_protocols[event->proto],
		.port = model_virtual_port(rules->model, event->worker, event->remote_port),
		.real_port = event->remote_port,
		.since_ns = event->time_ns,
		.stack = stack,
	};
}

static const char *describe_action(const struct berth_event *event)
{
	return event->proto == BERTH_TCP ? "connected" : "sent datagrams";
}

/* Berth's own servers are children of this process, or this process itself. */
static bool is_berth_server(const struct watch_rules *rules, const struct who *who)
{
	for (size_t i = 0; i < who->holder_count; i++) {
		const struct who_holder *holder = &who->holders[i];

		if (holder->info.stat.pid == getpid() ||
		    (holder->info.owner.run && str_equal(holder->info.owner.run, rules->run_id)))
			return true;
		for (size_t k = 0; k < holder->ancestor_count; k++)
			if (holder->ancestors[k].pid == getpid())
				return true;
	}
	return false;
}

static bool serves(const struct diag_socket *socket, enum berth_proto proto)
{
	return socket->proto == proto && diag_state_listens(socket);
}

/* Of the processes that have the port, the one that serves @proto; NULL if none can be seen. */
static const struct who_holder *find_server(const struct who *who, enum berth_proto proto)
{
	for (size_t i = 0; i < who->holder_count; i++)
		for (size_t k = 0; k < who->holders[i].socket_count; k++)
			if (serves(&who->sockets[who->holders[i].sockets[k]].socket, proto))
				return &who->holders[i];
	return NULL;
}

static bool has_server(const struct who *who, enum berth_proto proto)
{
	for (size_t i = 0; i < who->socket_count; i++)
		if (serves(&who->sockets[i].socket, proto))
			return true;
	return false;
}

static void report_foreign(struct watch_rules *rules, const struct berth_event *event,
                           const struct symbol_stack *stack, const struct who_holder *server)
{
	const struct rule_report report = new_report(rules, FINDING_foreign_connection, event,
	                                             stack);

	if (server)
		rule_report(rules, &report,
		            "%s to port %u of %s (pid %d)%s%s, which is not part of this run",
		            describe_action(event), event->remote_port, server->info.command,
		            server->info.stat.pid, server->info.directory ? " in " : "",
		            server->info.directory ? server->info.directory : "");
	else
		rule_report(rules, &report, "%s to port %u, where no process of this run listens",
		            describe_action(event), event->remote_port);
}

static void check_foreign(struct watch_rules *rules, const struct berth_event *event,
                          const struct symbol_stack *stack)
{
	struct who *who;

	if (who_find(event->remote_port, NULL, 0, &who))
		return;
	/* a sender of datagrams expects that they are lost where no socket receives them */
	if (!is_berth_server(rules, who) &&
	    (event->proto == BERTH_TCP || has_server(who, event->proto)))
		report_foreign(rules, event, stack, find_server(who, event->proto));
	who_free(who);
}

static void report_cross_worker(struct watch_rules *rules, const struct berth_event *event,
                                const struct symbol_stack *stack,
                                const struct watch_endpoint *listener)
{
	const struct rule_report report = new_report(rules, FINDING_cross_worker, event, stack);
	const char *command = listener->process->command;

	rule_report(rules, &report, "%s to real port %u, where worker %u listens (%s)",
	            describe_action(event), event->remote_port, listener->worker,
	            command ? command : "?");
}

/* Whether the port map explains the connection: the port is remapped for the worker, or shared. */
static bool is_mapped(struct watch_rules *rules, const struct berth_portmap *map,
                      const struct berth_event *event)
{
	uint16_t port = event->remote_port;

	if (!map)
		return false;
	/*
	 * a datagram: which of two hooks on one cgroup runs first is undefined, so it may not be
	 * rewritten yet
	 */
	if (event->proto == BERTH_UDP && berth_portmap_real(map, BERTH_UDP, port))
		return true;
	return model_virtual_port(rules->model, event->worker, port) != port ||
	       berth_portmap_real(map, event->proto, port) == port;
}

void rule_connection(struct watch_rules *rules, const struct berth_event *event,
                     const struct monitor_stack *stack)
{
	const struct berth_portmap *map = model_worker(rules->model, event->worker)->map;
	const struct watch_endpoint *listener;
	struct symbol_stack places;

	model_process_of_event(rules->model, event);
	if (!event->worker || !is_local(map, &event->remote) || berth_ip_is_group(&event->remote))
		return;
	listener = find_listener(rules->model, event->proto, event->remote_port, event->worker);
	if (listener && listener->worker == event->worker)
		return;
	places = locate_stack(stack);
	if (listener && listener->worker)
		report_cross_worker(rules, event, &places, listener);
	else if (!is_mapped(rules, map, event))
		check_foreign(rules, event, &places);
	symbol_stack_free(&places);
}

void rule_unix_connection(struct watch_rules *rules, const struct berth_event *event)
{
	const struct watch_process *server = model_process_find(rules->model, (pid_t)event->count);
	cleanup_free char *path = NULL;
	struct symbol_stack stack = { 0 };
	struct rule_report report;

	if (!event->worker || !server || !server->worker || server->worker == event->worker)
		return;
	path = model_path_of_event(event);
	symbol_locate((pid_t)event->pid, event->path_stack, event->stack_len, &event->caller,
	              &stack);
	report = (struct rule_report){
		.kind = FINDING_cross_worker,
		.worker = event->worker,
		.process = model_process_of_event(rules->model, event),
		.protocol = "unix",
		.path = berth_abstract_plain(path),
		.since_ns = event->time_ns,
		.stack = &stack,
	};
	rule_report(rules, &report, "connected to %s, where worker %u listens (%s)", report.path,
	            server->worker, server->command ? server->command : "?");
	symbol_stack_free(&stack);
}
