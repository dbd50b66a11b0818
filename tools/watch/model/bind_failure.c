/* SPDX-License-Identifier: MIT */
/*
 * Binds that failed because the port was taken. Who has the port is looked up at once: a moment
 * later it may be free.
 */
#include <errno.h>
#include <stdlib.h>

#include "tools/base/str.h"
#include "tools/watch/lookup/who.h"
#include "tools/watch/model/private.h"

struct bind_failure *model_bind_failure_next(struct watch_model *model, struct table_cell **cell)
{
	*cell = table_next(&model->bind_failures, *cell);
	return *cell ? (*cell)->value : NULL;
}

/*
 * A program that binds another port went elsewhere; one that binds the same port just tried again.
 */
void bind_failure_recover(struct watch_model *model, const struct watch_endpoint *endpoint)
{
	struct bind_failure *failure;

	for (struct table_cell *cell = NULL; (failure = model_bind_failure_next(model, &cell));) {
		if (failure->worker != endpoint->worker || failure->process->pid != endpoint->pid)
			continue;
		if (failure->virtual_port == endpoint->virtual_port)
			failure->retried = true;
		else
			failure->elsewhere = true;
	}
}

static char *find_outside_holder(uint16_t port)
{
	struct who *who;
	char *text = NULL;

	if (who_find(port, NULL, 0, &who))
		return NULL;
	/* who_find() visits our own network namespace first */
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

static void find_holder(struct watch_model *model, struct bind_failure *failure)
{
	const struct watch_endpoint *holder = model_endpoint_find(model, failure->proto,
	                                                          failure->port);

	if (!holder) {
		failure->holder = find_outside_holder(failure->port);
		return;
	}
	failure->holder_worker = holder->worker;
	failure->holder = str_print(
		"%s (pid %d)", holder->process->command ? holder->process->command : "a process",
		holder->pid);
}

void bind_failure_add(struct watch_model *model, const struct berth_event *event)
{
	const struct berth_portmap *map = model->workers[event->worker].map;
	uint64_t key = table_hash(TABLE_HASH, &event->worker, sizeof(event->worker));
	struct bind_failure *failure;
	uint16_t real;

	if (event->error != EADDRINUSE || !event->local_port)
		return;
	key = table_hash(key, &event->local_port, sizeof(event->local_port));
	key = table_hash(key, &event->proto, sizeof(event->proto));
	failure = table_get(&model->bind_failures, key);
	if (failure) {
		failure->count++;
		return;
	}
	failure = mem_alloc(sizeof(*failure));
	/* under a kernel backend the monitor sees the virtual port, not the real one */
	real = map ? berth_portmap_real(map, (enum berth_proto)event->proto, event->local_port) : 0;
	*failure = (struct bind_failure){
		.worker = event->worker,
		.proto = (enum berth_proto)event->proto,
		.count = 1,
		.first_ns = event->time_ns,
		.port = real ? real : event->local_port,
		.virtual_port = real ? event->local_port
		                     : model_virtual_port(model, event->worker, event->local_port),
		.process = model_process_of_event(model, event),
	};
	symbol_locate((pid_t)event->pid, event->stack, event->stack_len, &event->caller,
	              &failure->stack);
	find_holder(model, failure);
	table_set(&model->bind_failures, key, failure);
}

void bind_failure_refresh_ports(struct watch_model *model, unsigned int worker)
{
	struct bind_failure *failure;

	for (struct table_cell *cell = NULL; (failure = model_bind_failure_next(model, &cell));)
		if (failure->worker == worker && failure->virtual_port == failure->port)
			failure->virtual_port = model_virtual_port(model, worker, failure->port);
}

static void free_failure(void *value)
{
	struct bind_failure *failure = value;

	symbol_stack_free(&failure->stack);
	free(failure->holder);
	free(failure);
}

void bind_failure_close_all(struct watch_model *model)
{
	table_free(&model->bind_failures, free_failure);
}
