/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_TEMPLATE_SNAPSHOT_H
#define BERTH_DB_TEMPLATE_SNAPSHOT_H
/*
 * Snapshots of private servers, in the cache (struct db_programs):
 *
 *	snap-NAME/PORT/data	as a template has it
 *	snap-NAME/shape		what it fits: the template's hash without the setup
 *	snap-NAME.lock		exclusive while it is made or removed, shared while a run may
 *				clone from it
 */
#include <stdbool.h>

#include "tools/db/engine/programs.h"

enum { SNAPSHOT_NAME = 32 };

/* A snapshot from which this run clones. The lock is held until snapshot_end(). */
struct snapshot_use {
	struct snapshot_use *next;
	char *name;
	int lock;
};

/** Return: @name is 1 to 32 of a-z, 0-9, `_` and `-`, and does not begin with `-`. */
bool snapshot_named(const char *name);

/**
 * Let this run clone from @name.
 * Return: 0, also if it is held already; -ENODATA there is none; -ESTALE it does not fit @shape;
 * -EBUSY it is being made; -errno.
 */
int snapshot_use(struct snapshot_use **uses, const struct db_programs *programs, const char *name,
                 const char *shape);
void snapshot_end(struct snapshot_use *uses);

/** A sentence for a code above, or for -EINVAL (@name is no name). The caller's to free. */
char *snapshot_refusal(const char *name, int error);

/**
 * In a job: begin to make @name, as our own user; fill the directory *ret_building, which does not
 * exist yet; commit, as the server's user. That replaces an older snapshot of this name.
 * Return: 0; -EBUSY a run uses the older one; -errno.
 */
int snapshot_begin(const struct db_programs *programs, const char *name, int *ret_lock,
                   char **ret_building);
int snapshot_commit(const char *building, const char *shape);

#endif
