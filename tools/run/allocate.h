/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_ALLOCATE_H
#define BERTH_RUN_ALLOCATE_H
/*
 * Which ports are declared before a worker starts, and the run's part of allocated-ports.json and
 * learned-ports.json (see tools/ports/allocated.h, learned.h).
 */
#include "tools/ports/ports.h"
#include "tools/run/context.h"
#include "tools/run/worker/notes.h"
#include "tools/run/worker/worker.h"

struct allocate;

struct allocate_setup {
	const struct run_context *context;
	const struct worker_spec *specs;
	struct run_worker *const *workers; /* of the run, in the same order */
	unsigned int spec_count;           /* with the setup command's */
};

struct allocate *allocate_open(const struct allocate_setup *setup);

/**
 * Declare in every worker's map what the options say and earlier runs learned.
 * Return: 0; -ENOSPC and *ret_error, a whole message.
 */
int allocate_declare(struct allocate *allocate, char **ret_error);

/** Write allocated-ports.json now. */
void allocate_write(struct allocate *allocate);

/** The TCP ports of the first worker, the caller's to free. Return: their number. */
size_t allocate_pairs(const struct allocate *allocate, struct ports_pair **ret_pairs);

/** The ports or the workers have changed: the next allocate_update() writes. */
void allocate_touch(struct allocate *allocate);

/** Write if something has changed, at most once a second, or if a heartbeat is due. */
void allocate_update(struct allocate *allocate);

/**
 * Remove the run's entries.
 * @notes	which workers learned ports, to be remembered; NULL = none
 */
void allocate_end(struct allocate *allocate, const struct notes *notes);
void allocate_close(struct allocate *allocate);

#endif
