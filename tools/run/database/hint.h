/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_DATABASE_HINT_H
#define BERTH_RUN_DATABASE_HINT_H
/*
 * A run without databases has failed: perhaps the user does not know of --db yet. A guess from the
 * environment and from the suite's output; it chooses a hint, never a status.
 */
#include "tools/run/context.h"
#include "tools/run/worker/worker.h"

/** Print a hint if DATABASE_URL or a worker's output names a local server and none answers. */
void hint_database(const struct run_context *context, struct run_worker *const *workers,
                   const struct output *output);

/** Print a hint to --setup if a worker failed because a table is missing, and no setup is given. */
void hint_setup(const struct run_context *context, struct run_worker *const *workers,
                const struct output *output);

#endif
