/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_TEMPLATE_TEMPLATE_H
#define BERTH_DB_TEMPLATE_TEMPLATE_H
/*
 * Data directories that are made once and cloned often, in the cache of tools/db/engine/programs.h:
 *
 *	base-KEY/data		as initdb leaves it, with our settings (postgres.c)
 *	tpl-HASH/PORT/data	with the roles and databases of the run, and what the setup command put there;
 *				the same for servers that are not PostgreSQL
 *	tpl-HASH.building/	the same while it is made; rename(2) is the commit
 *	tpl-HASH.lock		exclusive while it is made, shared while a run uses it
 *	clones/RUN-*		what live runs have; clones/RUN.lock is held as long as the run lives
 *	kept/			clones of failed workers that somebody wanted to look at
 *
 * All of this blocks: for use in jobs.
 */
#include <stdbool.h>

#include "tools/base/str.h"
#include "tools/db/engine/programs.h"
#include "tools/db/common/url.h"

struct db_server_spec;

struct template_plan {
	/* NULL for template_hash() alone: a server that is not ours */
	const struct db_programs *programs;
	const struct db_server_spec *specs; /* on it */
	unsigned int spec_count;
	const struct db_url *urls;
	unsigned int url_count;
	const char *project_dir, *command; /* command NULL = no setup */
	char *const *inputs;
	uint64_t quota_bytes; /* of all templates in the cache */
	const char *hash;     /* once known */
	int lock;             /* tpl-HASH.lock, open; template_make() leaves it locked */
};

/* Job, as ourselves: the project's files may not be readable for the server's user. @ret_text the hash, 32 hex digits. */
int template_hash(void *plan, struct str *ret_text);

/**
 * Job, as the server's user, keeping plan.lock: find or make the template.
 * @ret_text "ready": it is there, the lock is shared; "setup": tpl-HASH.building waits for the setup command, the lock is
 * exclusive; on failure what went wrong, for people.
 */
int template_make(void *plan, struct str *ret_text);

/* Job, as the server's user: the setup command has succeeded and the servers are stopped cleanly. */
int template_commit(void *plan, struct str *ret_text);

/* Job, as ourselves: what dead runs left in clones/, templates and kept clones that nobody has used for a long time. */
int template_sweep(void *plan, struct str *ret_text);

/* Job, when one was made: those that nobody has used for longest go until the rest is within plan.quota_bytes. */
int template_collect(void *plan, struct str *ret_text);

#endif
