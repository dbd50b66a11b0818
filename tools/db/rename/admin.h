/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_ADMIN_H
#define BERTH_DB_RENAME_ADMIN_H
/*
 * What Berth itself does on a shared server, through libpq: databases, templates, leases. Blocking:
 * for coprocesses.
 *
 * Two things prove a lease. One is an advisory lock of a session in the maintenance database; the
 * server releases it when the session ends for any reason. The other is the comment on the
 * database, which names the owner. A process that can take the lock of a lease knows that its owner
 * is dead.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/db/common/libpq.h"
#include "tools/db/common/url.h"

struct admin;

/* What the comment on a worker's database says. */
struct admin_lease {
	const char *run, *task, *suffix, *logical;
	unsigned int worker;
};

struct admin_template {
	const char *name; /* on the server */
	const char *logical;
	const char *snapshot; /* the user's name for it; NULL = made by the setup */
	bool once;            /* no other run uses it */
};

/* admin.c: the session */

/**
 * Connect to the maintenance database with the role of @url.
 * @line	a coprocess's line to its parent: waiting ends when it closes; -1 = none
 * Return: 0; -errno and *ret_why, for people, without credentials.
 */
int admin_open(const struct db_url *url, int line, struct admin **ret_admin, char **ret_why);
void admin_close(struct admin *admin); /* may be NULL */
bool admin_alive(struct admin *admin); /* asks the server */

/** Return: false if the server does not say. */
bool admin_pool(struct admin *admin, struct libpq_pool *ret_pool);

/** Take an advisory lock for this session. Return: false if another session has it. */
bool admin_lock(struct admin *admin, const char *name);
void admin_unlock(struct admin *admin, const char *name);

/* admin_databases.c */

/**
 * Can its role create databases, and copy @source (NULL = do not ask) now?
 * Return: 0; -EPERM it lacks a right; -EBUSY sessions are in @source; and *ret_why, with a hint.
 */
int admin_check(struct admin *admin, const char *source, char **ret_why);

bool admin_exists(struct admin *admin, const char *database, bool *ret_template);

/**
 * Create @physical from @source (NULL = template1), with @lease in its comment. Retries after
 * transient errors.
 * Return: 0; -EBUSY, -EPERM, -EIO, and *ret_why; -ECANCELED the parent is gone.
 */
int admin_create(struct admin *admin, const char *physical, const char *source,
                 const struct admin_lease *lease, char **ret_why);

/** Write @lease and the time into the comment on @physical. @kept for inspection. */
int admin_comment(struct admin *admin, const char *physical, const struct admin_lease *lease,
                  bool kept);

/**
 * Let no one connect to @physical any more, and rename it to the template. An older one of that
 * name is dropped.
 */
int admin_seal(struct admin *admin, const char *physical, const struct admin_template *template,
               char **ret_why);

/** Copy @physical, which has @lease, and seal the copy. Ends the sessions in it. */
int admin_snapshot(struct admin *admin, const char *physical, const struct admin_lease *lease,
                   const struct admin_template *template, char **ret_why);

/**
 * Return: @suffix is _TASK_RANDOM, as rename.c makes them. Databases to drop are found by nothing
 * else.
 */
bool admin_is_suffix(const char *suffix);

/**
 * Drop @database.
 * @force	end the sessions in it; without it a database in use stays
 * Return: 0, also if there is none; -EBUSY; -EPERM; -EIO.
 */
int admin_drop(struct admin *admin, const char *database, bool is_template, bool force);

/** The same for every database whose name ends in @suffix. */
int admin_drop_suffix(struct admin *admin, const char *suffix, bool force);

/** Call @fn for every database whose name ends in @suffix. */
void admin_each_suffix(struct admin *admin, const char *suffix,
                       void (*fn)(void *arg, const char *database), void *arg);

/** Note that template @name is used: now, and as long as this session lasts. */
void admin_use_template(struct admin *admin, const char *name);

/* admin_reap.c */

/**
 * Drop templates that no run has used for two weeks. If the others are larger than @quota_bytes
 * together, drop those that have not been used for longest. Templates in use or used within the
 * hour stay, and so do snapshots. A template for one run goes after that run.
 * Return: how many.
 */
unsigned int admin_collect(struct admin *admin, uint64_t quota_bytes);

/** Drop the databases of dead runs. Return: how many. */
unsigned int admin_reap(struct admin *admin);

#endif
