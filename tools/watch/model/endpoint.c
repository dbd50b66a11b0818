/* SPDX-License-Identifier: MIT */
/* Sockets with a port of their own: from bind(2) on, without the connections of clients. */
#include <stdlib.h>

#include "tools/base/str.h"
#include "tools/watch/model/private.h"

struct watch_endpoint *model_endpoint_newest(struct watch_model *model)
{
	return model->newest;
}

struct watch_endpoint *model_endpoint_find(struct watch_model *model, enum berth_proto proto,
                                           uint16_t port)
{
	for (struct watch_endpoint *at = model->newest; at; at = at->next)
		if (at->port == port && at->proto == proto && !at->closed_ns)
			return at;
	return NULL;
}

bool model_worker_listens(struct watch_model *model, unsigned int worker)
{
	for (const struct watch_endpoint *at = model->newest; at; at = at->next)
		if (at->worker == worker && !at->closed_ns &&
		    (at->listening || at->proto == BERTH_UDP))
			return true;
	return false;
}

static struct watch_endpoint *update_endpoint(struct watch_model *model,
                                              const struct berth_event *event)
{
	struct watch_endpoint *endpoint = table_get(&model->endpoints, event->cookie);

	if (!endpoint) {
		endpoint = mem_alloc(sizeof(*endpoint));
		endpoint->cookie = event->cookie;
		endpoint->worker = event->worker;
		endpoint->next = model->newest;
		model->newest = endpoint;
		table_set(&model->endpoints, event->cookie, endpoint);
	}
	endpoint->pid = (pid_t)event->pid;
	endpoint->process = model_process_of_event(model, event);
	endpoint->proto = (enum berth_proto)event->proto;
	endpoint->port = event->local_port;
	endpoint->virtual_port = model_virtual_port(model, event->worker, event->local_port);
	return endpoint;
}

struct watch_endpoint *endpoint_bound(struct watch_model *model, const struct berth_event *event)
{
	struct watch_endpoint *endpoint = update_endpoint(model, event);

	endpoint->bound_ns = event->time_ns;
	return endpoint;
}

void endpoint_listening(struct watch_model *model, const struct berth_event *event)
{
	struct watch_endpoint *endpoint = update_endpoint(model, event);

	endpoint->listen_ns = event->time_ns;
	endpoint->listening = true;
	endpoint->reuse = event->reuse;
	symbol_stack_free(&endpoint->stack);
	symbol_locate((pid_t)event->pid, event->stack, event->stack_len, &event->caller,
	              &endpoint->stack);
}

void endpoint_unlistened(struct watch_model *model, const struct berth_event *event)
{
	struct watch_endpoint *endpoint = table_get(&model->endpoints, event->cookie);

	if (endpoint)
		endpoint->listening = false;
}

bool endpoint_closed(struct watch_model *model, const struct berth_event *event)
{
	struct watch_endpoint *endpoint = table_get(&model->endpoints, event->cookie);

	if (!endpoint)
		return false;
	endpoint->closed_ns = event->time_ns;
	endpoint->listening = false;
	return true;
}

void endpoint_refresh_ports(struct watch_model *model, unsigned int worker)
{
	for (struct watch_endpoint *at = model->newest; at; at = at->next)
		if (at->worker == worker && at->virtual_port == at->port)
			at->virtual_port = model_virtual_port(model, worker, at->port);
}

static void free_endpoint(void *value)
{
	struct watch_endpoint *endpoint = value;

	symbol_stack_free(&endpoint->stack);
	free(endpoint);
}

void endpoint_close_all(struct watch_model *model)
{
	table_free(&model->endpoints, free_endpoint);
}
