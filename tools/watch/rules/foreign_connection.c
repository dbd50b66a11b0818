/* SPDX-License-Identifier: MIT */
/*
 * Connections that leave the worker: to another worker's server, or to one outside the run. Each destination of a worker comes
 * here once (model.c, destinations). Everything that is meant to be passes: the worker's own servers, Berth's (the relay, private
 * clusters), ports that are shared on purpose, groups, and datagrams that nobody receives.
 */
#include <unistd.h>

#include "core/addr.h"
#include "tools/base/diag.h"
#include "tools/base/str.h"
#include "tools/watch/model/model.h"
#include "tools/watch/lookup/who.h"

static bool is_local(const struct watch *watch, const struct berth_event *event)
{
	static const struct berth_portmap *none;
	const struct berth_portmap *map = watch->workers[event->worker].map;

	if (map)
		return berth_ip_is_local(map, &event->remote);
	if (!none)
		none = mem_alloc(sizeof(
			*none)); /* no map, no addresses of the host: loopback and wildcards remain */
	return berth_ip_is_local(none, &event->remote);
}

static const struct watch_endpoint *listener_of(const struct watch *watch, enum berth_proto proto,
                                                uint16_t port, unsigned int prefer)
{
	const struct watch_endpoint *found = NULL;

	for (const struct watch_endpoint *at = watch->newest; at; at = at->next) {
		if (at->port != port || at->proto != proto ||
		    (proto == BERTH_TCP && !at->listen_ns))
			continue;
		if (at->worker == prefer)
			return at;
		if (!found || (found->closed_ns && !at->closed_ns))
			found = at;
	}
	return found && !found->closed_ns ? found : NULL;
}

static struct watch_finding *connection(struct watch *watch, enum finding_kind kind,
                                        const struct berth_event *event)
{
	struct watch_finding *finding = rule_finding_new(watch, kind, event->worker);
	struct monitor_stack stack;

	rule_set_process(finding, table_get(&watch->processes, event->pid));
	finding->protocol = str_copy(rule_proto_names[event->proto]);
	finding->port = model_virtual_port(watch, event->worker, event->remote_port);
	finding->real_port = event->remote_port;
	finding->since_ns = (int64_t)event->time_ns;
	if (watch->monitor && monitor_stack(watch->monitor, event->cookie, false, &stack)) {
		struct symbol_stack places;

		symbol_locate((pid_t)stack.pid, stack.frames, stack.len, &stack.caller, &places);
		finding->stack = symbol_names(&places);
		symbol_stack_free(&places);
	}
	return finding;
}

/* Berth's own servers: the relay and the clusters are children of this process, or it itself. */
static bool is_berth_server(const struct watch *watch, const struct who *who)
{
	for (size_t i = 0; i < who->holder_count; i++) {
		const struct who_holder *holder = &who->holders[i];

		if (holder->info.stat.pid == getpid() ||
		    (holder->info.run && str_equal(holder->info.run, watch->setup.run_id)))
			return true;
		for (size_t k = 0; k < holder->ancestor_count; k++)
			if (holder->ancestors[k].pid == getpid())
				return true;
	}
	return false;
}

static bool is_server(const struct diag_socket *socket)
{
	return socket->proto == BERTH_TCP ? socket->state == DIAG_LISTEN : !socket->remote_port;
}

/* Of all who have the port, the one who serves this protocol. */
static const struct who_holder *server_of(const struct who *who, enum berth_proto proto,
                                          bool *ret_held)
{
	*ret_held = false;
	for (size_t i = 0; i < who->socket_count; i++)
		*ret_held |= who->sockets[i].socket.proto == proto &&
		             is_server(&who->sockets[i].socket);
	for (size_t i = 0; i < who->holder_count; i++)
		for (size_t k = 0; k < who->holders[i].socket_count; k++) {
			const struct diag_socket *socket =
				&who->sockets[who->holders[i].sockets[k]].socket;

			if (socket->proto == proto && is_server(socket))
				return &who->holders[i];
		}
	return NULL;
}

static void report_foreign_connection(struct watch *watch, const struct berth_event *event)
{
	const char *did = event->proto == BERTH_TCP ? "connected" : "sent datagrams";
	const struct who_holder *server;
	struct watch_finding *finding;
	struct who *who;
	bool held;

	if (who_find(event->remote_port, NULL, 0, &who))
		return;
	server = server_of(who, event->proto, &held);
	/* a datagram needs nobody who listens: it is lost, as the sender expects */
	if (!is_berth_server(watch, who) && (held || event->proto == BERTH_TCP)) {
		finding = connection(watch, FINDING_foreign_connection, event);
		if (server)
			finding->detail = str_print(
				"%s to port %u of %s (pid %d)%s%s, which is not part of this run",
				did, event->remote_port, server->info.command,
				server->info.stat.pid, server->info.directory ? " in " : "",
				server->info.directory ? server->info.directory : "");
		else
			finding->detail = str_print(
				"%s to port %u, which nobody in this run listens on", did,
				event->remote_port);
		finding_list_add(watch, finding);
	}
	who_free(who);
}

void rule_connection(struct watch *watch, const struct berth_event *event)
{
	const struct berth_portmap *map = watch->workers[event->worker].map;
	const struct watch_endpoint *listener;
	struct watch_finding *finding;

	if (!event->worker || !is_local(watch, event) || berth_ip_is_group(&event->remote))
		return;
	listener = listener_of(watch, event->proto, event->remote_port, event->worker);
	if (listener && listener->worker == event->worker)
		return;
	if (listener && listener->worker) {
		finding = connection(watch, FINDING_cross_worker, event);
		finding->detail = str_print(
			"%s to real port %u, where worker %u listens (%s)",
			event->proto == BERTH_TCP ? "connected" : "sent datagrams",
			event->remote_port, listener->worker,
			listener->process && listener->process->command ? listener->process->command
									: "?");
		finding_list_add(watch, finding);
		return;
	}
	if (map && event->proto == BERTH_UDP &&
	    berth_portmap_real(map, BERTH_UDP, event->remote_port))
		return; /* seen before it was rewritten: which of two hooks on a cgroup runs first is nobody's promise */
	if (map &&
	    (model_virtual_port(watch, event->worker, event->remote_port) != event->remote_port ||
	     berth_portmap_real(map, event->proto, event->remote_port) == event->remote_port))
		return; /* Berth's own end of a declared port (a database), or shared on purpose */
	report_foreign_connection(watch, event);
}
