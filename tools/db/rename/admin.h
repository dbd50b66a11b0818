/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_ADMIN_H
#define BERTH_DB_RENAME_ADMIN_H
/*
 * What Berth itself does on a shared server, through libpq: databases, templates, leases. Blocking: for agents and jobs.
 *
 * A lease is proven twice: by a session's advisory lock in the maintenance database, which the server releases whatever
 * dies, and by the comment on the database, which says whose it is. Whoever can take the lock of a lease knows that its
 * owner is dead.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/str.h"
#include "tools/db/common/libpq.h"
#include "tools/db/common/url.h"

struct admin;

struct admin_lease {
	const char *run, *task, *suffix, *logical;
	unsigned int worker;
};

/**
 * Connect to the maintenance database with the role of @url.
 * @line	an agent's line: waiting ends when it closes; -1 = none
 * Return: 0; -errno and *ret_why, for people, without credentials.
 */
int admin_open(const struct db_url *url, int line, struct admin **ret_admin, char **ret_why);
void admin_close(struct admin *admin);
bool admin_alive(struct admin *admin); /* asks the server */

bool admin_exists(struct admin *admin, const char *database, bool *ret_template);

/** Return: false if the server does not say. */
bool admin_pool(struct admin *admin, struct libpq_pool *ret_pool);

/** Advisory locks of this session. */
/* tries; false = somebody else has it */
bool admin_lock(struct admin *admin, const char *name);
void admin_unlock(struct admin *admin, const char *name);

/** Create @physical from @source (NULL = template1), with its lease in the comment. Retries what is transient. */
int admin_create(struct admin *admin, const char *physical, const char *source,
                 const struct admin_lease *lease, char **ret_why);
int admin_comment(struct admin *admin, const char *physical, const struct admin_lease *lease,
                  bool kept);

struct admin_template {
	const char *name; /* on the server */
	const char *logical;
	const char *snapshot; /* what somebody called it; NULL = made by the setup */
	int64_t made_s;       /* 0 = now */
};

/** Seal @physical and give it its template's name: the rename is the commit. What had the name before is dropped. */
int admin_seal(struct admin *admin, const char *physical, const struct admin_template *template,
               char **ret_why);

/** Copy @physical, which @lease is of, and seal the copy. The sessions in it are cut. */
int admin_snapshot(struct admin *admin, const char *physical, const struct admin_lease *lease,
                   const struct admin_template *template, char **ret_why);

/** Drop every database whose name ends in @suffix. @force cuts sessions; without it a database in use is left (-EBUSY). */
int admin_drop_suffix(struct admin *admin, const char *suffix, bool force);

/** Call @fn for every database whose name ends in @suffix. */
void admin_each_suffix(struct admin *admin, const char *suffix,
                       void (*fn)(void *arg, const char *database), void *arg);

/** Call @fn for every database that bears a comment of Berth's. Return: 0; -EIO and *ret_why. */
typedef void (*admin_owned_fn)(void *arg, const char *database, bool is_template,
                               int64_t size_bytes, const char *comment);
int admin_each_owned(struct admin *admin, admin_owned_fn fn, void *arg, char **ret_why);

/**
 * Drop one database that bears Berth's comment, and the sessions in it.
 * @suffix	as the comment says; "" for a template
 * Return: 0; -EBUSY its owner lives; -EINVAL it is not what the comment says; -errno; *ret_why on failure.
 */
int admin_drop_owned(struct admin *admin, const char *database, const char *suffix, char **ret_why);

/** Note that template @name is used: now, and as long as this session lives. */
void admin_use_template(struct admin *admin, const char *name);

/**
 * Drop templates that nobody has used for two weeks, and of what is larger than @quota_bytes together those that have not been
 * used for longest; never one in use, one that was used within the hour, or a snapshot. Return: how many.
 */
unsigned int admin_collect(struct admin *admin, uint64_t quota_bytes);

/* Drop what dead runs left. Return: how many databases. */
unsigned int admin_reap(struct admin *admin);

#endif
