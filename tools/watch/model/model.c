/* SPDX-License-Identifier: MIT */
/* The model as a whole: which file of this folder keeps which event. */
#include "tools/watch/model/model.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "tools/base/str.h"
#include "tools/watch/model/private.h"

struct watch_model *model_open(const char *run_id, int64_t close_wait_ms)
{
	struct watch_model *model = mem_alloc(sizeof(*model));

	model->run_id = run_id;
	model->close_wait_ms = close_wait_ms;
	worker_open_all(model);
	return model;
}

void model_close(struct watch_model *model)
{
	if (!model)
		return;
	worker_close_all(model);
	endpoint_close_all(model);
	bind_failure_close_all(model);
	path_close_all(model);
	process_close_all(model);
	table_free(&model->destinations, NULL);
	free(model);
}

void model_refresh_ports(struct watch_model *model, const struct watch_worker *worker)
{
	endpoint_refresh_ports(model, worker->number);
	bind_failure_refresh_ports(model, worker->number);
}

bool model_add_destination(struct watch_model *model, const struct berth_event *event)
{
	uint64_t key = table_hash(TABLE_HASH, &event->worker, sizeof(event->worker));

	key = table_hash(key, &event->proto, sizeof(event->proto));
	key = table_hash(key, &event->remote, sizeof(event->remote));
	key = table_hash(key, &event->remote_port, sizeof(event->remote_port));
	if (table_get(&model->destinations, key))
		return false;
	table_set(&model->destinations, key, model);
	return true;
}

static void apply_closed(struct watch_model *model, const struct berth_event *event,
                         const struct monitor_stack *stack)
{
	bool had_port = endpoint_closed(model, event);

	if (!had_port && !event->accepted && event->how == BERTH_CLOSED_EXIT)
		process_count_unclosed(model, event, stack);
	if (event->close_wait_ns / 1000000 >= (uint64_t)model->close_wait_ms)
		process_count_close_wait(model, event);
}

static void apply_unix(struct watch_model *model, const struct berth_event *event)
{
	if (event->tag == BERTH_EVENT_LISTENING)
		path_listening(model, event);
	else if (event->tag == BERTH_EVENT_BIND_FAILED || event->tag == BERTH_EVENT_CONNECT_FAILED)
		path_failed(model, event);
}

void model_apply(struct watch_model *model, const struct berth_event *event,
                 const struct monitor_stack *stack)
{
	if (event->family == AF_UNIX) {
		apply_unix(model, event);
		return;
	}
	switch (event->tag) {
	case BERTH_EVENT_BOUND: bind_failure_recover(model, endpoint_bound(model, event)); break;
	case BERTH_EVENT_BIND_FAILED: bind_failure_add(model, event); break;
	case BERTH_EVENT_LISTENING: endpoint_listening(model, event); break;
	case BERTH_EVENT_UNLISTENED: endpoint_unlistened(model, event); break;
	case BERTH_EVENT_CLOSED: apply_closed(model, event, stack); break;
	case BERTH_EVENT_FORKED: process_forked(model, event); break;
	case BERTH_EVENT_EXECUTED: process_executed(model, event); break;
	case BERTH_EVENT_EXITED: process_exited(model, event); break;
	default: break;
	}
}
