/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_SAMPLER_H
#define BERTH_WATCH_SAMPLER_H
/*
 * The source that needs no privilege: it lists the sockets of the workers now and then and reports
 * the differences.
 */
#include "tools/watch/source/source.h"

struct socket_sampler;

/**
 * @model: which processes and endpoints are known; the sampler adds to worker->counts. Return: 0;
 * -errno.
 */
int sampler_open(struct watch_model *model, watch_event_fn on_event, void *arg,
                 struct socket_sampler **ret_sampler);
void sampler_close(struct socket_sampler *sampler);

/** List processes and sockets once, and report what has changed. */
void sampler_poll(struct socket_sampler *sampler);

/** Call @fn for every socket of the last list. */
void sampler_snapshot(struct socket_sampler *sampler, watch_socket_fn fn, void *arg);

#endif
