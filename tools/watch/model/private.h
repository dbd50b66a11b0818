/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_MODEL_PRIVATE_H
#define BERTH_WATCH_MODEL_PRIVATE_H
/*
 * Inside tools/watch/model: each table belongs to one file. model.c hands each event to the files
 * that keep it. No file calls model.c; bind_failure.c and path.c may call endpoint.c, process.c and
 * worker.c.
 */
#include "tools/watch/model/model.h"

struct watch_model {
	const char *run_id;
	int64_t close_wait_ms;
	struct watch_worker workers[BERTH_WORKERS_MAX + 1]; /* worker.c */
	unsigned int worker_max;                            /* the highest number that has begun */
	struct table processes;                             /* process.c: by pid */
	struct table endpoints;                             /* endpoint.c: by cookie */
	struct watch_endpoint *newest;
	struct table destinations;  /* model.c: by hash; the value is the model itself */
	struct table bind_failures; /* bind_failure.c: by hash of worker, protocol and port */
	struct table path_listeners, path_failures; /* path.c: by inode; by hash */
};

void worker_open_all(struct watch_model *model);
void worker_close_all(struct watch_model *model);

void process_forked(struct watch_model *model, const struct berth_event *event);
void process_executed(struct watch_model *model, const struct berth_event *event);
void process_exited(struct watch_model *model, const struct berth_event *event);
void process_count_unclosed(struct watch_model *model, const struct berth_event *event,
                            const struct monitor_stack *stack);
void process_count_close_wait(struct watch_model *model, const struct berth_event *event);
void process_close_all(struct watch_model *model);

struct watch_endpoint *endpoint_bound(struct watch_model *model, const struct berth_event *event);
void endpoint_listening(struct watch_model *model, const struct berth_event *event);
void endpoint_unlistened(struct watch_model *model, const struct berth_event *event);
/* Return: false if the socket had no port of its own. */
bool endpoint_closed(struct watch_model *model, const struct berth_event *event);
void endpoint_refresh_ports(struct watch_model *model, unsigned int worker);
void endpoint_close_all(struct watch_model *model);

void bind_failure_add(struct watch_model *model, const struct berth_event *event);
/* A program whose bind failed has now bound @endpoint. */
void bind_failure_recover(struct watch_model *model, const struct watch_endpoint *endpoint);
void bind_failure_refresh_ports(struct watch_model *model, unsigned int worker);
void bind_failure_close_all(struct watch_model *model);

void path_listening(struct watch_model *model, const struct berth_event *event);
void path_failed(struct watch_model *model, const struct berth_event *event);
void path_close_all(struct watch_model *model);

#endif
