/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_TEMPLATE_TEMPLATE_H
#define BERTH_DB_TEMPLATE_TEMPLATE_H
/*
 * Data directories that are made once and cloned often, in the cache (struct db_programs):
 *
 *	base-KEY/data		as initdb leaves it, with our settings (postgres.c)
 *	tpl-HASH/PORT/data	with roles and databases, and what the setup command put there;
 *				the same for servers that are not PostgreSQL
 *	tpl-HASH.building/	the same while it is made; rename(2) is the commit
 *	tpl-HASH/once		nothing is known of what the setup depends on: the template is for
 *				one run, and the next removes it
 *	tpl-HASH.lock		exclusive while it is made, shared while a run uses it
 *	clones/RUN-*		directories of workers; clones/RUN.lock is held by the live run
 *	kept/			directories of failed workers, for inspection
 *
 * All of this blocks: the functions that take a `plan` are jobs.
 */
#include <stdbool.h>

#include "tools/base/str.h"
#include "tools/db/engine/programs.h"
#include "tools/db/common/url.h"

struct db_server_spec;
struct engine_import;

struct template_plan {
	/* NULL in rename mode, for template_hash() only */
	const struct db_programs *programs;
	const struct db_server_spec *specs;
	unsigned int spec_count;
	const struct db_url *urls;
	unsigned int url_count;
	const char *project_dir, *command; /* command NULL = no setup */
	char *const *inputs;
	bool guess_inputs;
	uint64_t quota_bytes; /* of all templates in the cache */
	const char *hash;     /* when it is known */
	bool once;            /* make tpl-HASH/once */
	int lock;             /* tpl-HASH.lock, open; template_make() leaves it locked */
	/* what is imported, for the hash: the servers, and their contents; NULL = nothing */
	const char *identity, *stamp;
	const struct engine_import *imports; /* for each of @specs; NULL = none */
	const char *socket_dir;              /* for servers that run while the template is made */
	enum db_role role;                   /* of the URLs, where something is imported */
};

/**
 * As our own user, because the server's user may not read the project's files.
 * @ret_text	"HASH N": 32 hexadecimal digits, and the number of files among what was hashed. If
 *		there is a command and N is 0, the hash is another one each time.
 * Return: 0; -E2BIG plan.inputs are too many files; -errno.
 */
int template_hash(void *plan, struct str *ret_text);

/**
 * As the server's user, in a job that keeps plan.lock: find or make the template.
 * @ret_text	"cached" or "ready": it is there, the lock is shared; "setup": tpl-HASH.building
 * waits for the setup command, the lock is exclusive; on failure what went wrong, for people
 */
int template_make(void *plan, struct str *ret_text);

/** As the server's user, after the setup command succeeded and the servers stopped cleanly. */
int template_commit(void *plan, struct str *ret_text);

/**
 * As the server's user: remove what dead runs left in clones/, and templates and kept directories
 * that are old.
 */
int template_sweep(void *plan, struct str *ret_text);

/** As the server's user, after a template was made: cache_collect() with plan.quota_bytes. */
int template_collect(void *plan, struct str *ret_text);

#endif
