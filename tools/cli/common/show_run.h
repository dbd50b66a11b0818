/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_SHOW_RUN_H
#define BERTH_CLI_SHOW_RUN_H
/* Shows a run, its workers and their ports. */
#include <jansson.h>

#include "tools/state/state.h"

/** Two tables. @all: also the ports on which no socket listens now. */
void show_run(const struct run_state *run, bool all);

/** A line for each port on which a worker listens: how programs outside reach it. */
void show_run_ports(const struct run_state *run);

json_t *show_run_json(const struct run_state *run);

#endif
