/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_ALLOCATE_H
#define BERTH_RUN_ALLOCATE_H
/* The run's part of allocated-ports.json and learned-ports.json (see tools/ports/allocated.h, learned.h). */
#include "tools/run/run.h"

/** Declare in every worker's map what the options and earlier runs say. Return: 0; -ENOSPC and *ret_error, a whole message. */
int allocate_declare(struct run *run, char **ret_error);

/** Write allocated-ports.json now. */
void allocate_write(struct run *run);

/** Write it if a port was learned or a heartbeat is due; at most once a second. */
void allocate_update(struct run *run);

/** Remove the run's entries, remember what it learned. */
void allocate_end(struct run *run);

#endif
