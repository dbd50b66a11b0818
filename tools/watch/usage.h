/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_USAGE_H
#define BERTH_WATCH_USAGE_H
/* What workers use: sockets, processes, descriptors, memory. */
#include "tools/watch/model/model.h"
#include "tools/watch/watch.h"

/** Bring the counts and the number of open sockets of a worker up to date, unless it has ended. */
void usage_read_totals(struct watch_model *model, struct source *source,
                       struct watch_worker *worker);

/** See watch_samples(). Keeps worker->memory_peak_kib. */
void usage_sample(struct watch_model *model, struct source *source, watch_sample_fn fn, void *arg);

#endif
