/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_TEMPLATE_SNAPSHOT_H
#define BERTH_DB_TEMPLATE_SNAPSHOT_H
/*
 * Snapshots of private servers, in the cache of tools/db/engine/programs.h:
 *
 *	snap-NAME/PORT/data	as a template has it
 *	snap-NAME/shape		what it fits: the template's hash, computed without a setup
 *	snap-NAME.lock		exclusive while it is made or removed, shared while a run may clone from it
 */
#include <stdbool.h>

#include "tools/db/engine/programs.h"

enum { SNAPSHOT_NAME = 32 };

/* that this run clones from: the lock is held until snapshot_end() */
struct snapshot_use {
	struct snapshot_use *next;
	char *name;
	int lock;
};

/** 1 to 32 small letters, digits, `_` and `-`; not first a `-`. */
bool snapshot_named(const char *name);

/**
 * Hold @name for cloning.
 * Return: 0, also if it is held already; -ENODATA there is none; -ESTALE it does not fit @shape; -EBUSY it is being made; -errno.
 */
int snapshot_use(struct snapshot_use **uses, const struct db_programs *programs, const char *name,
                 const char *shape);
void snapshot_end(struct snapshot_use *uses);

/** For the codes above, and -EINVAL for a name that is none: a sentence, the caller's to free. */
char *snapshot_refusal(const char *name, int error);

/**
 * Job: begin to make @name, as ourselves; then fill the directory *ret_building, which is not there yet; then commit, as the
 * server's user. What had the name before is replaced.
 * Return: 0; -EBUSY a run uses it; -errno.
 */
int snapshot_begin(const struct db_programs *programs, const char *name, int *ret_lock,
                   char **ret_building);
int snapshot_commit(const char *building, const char *shape);

#endif
