/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_H
#define BERTH_DB_H
/*
 * Databases of its own for every worker. To the worker a database port is one more virtual port. At
 * its real port listens either the worker's own server (private mode) or the worker's relay to the
 * user's server (rename mode).
 *
 *	db_open()		once, after the options are known; starts to make the template
 *	db_worker_prepare()	before the worker's first process: declares its database ports
 *				and rules for Unix sockets at once; calls back when
 *				clients can connect
 *	db_worker_end()		when the last process of the worker is gone
 *	db_close()		after the last worker
 *
 * The setup command (the suite's own migrate and seed) runs in a worker of its own, number 0. When
 * the template is missing, the module calls run_setup() once. The run then prepares worker 0,
 * starts the command in it, and ends worker 0 with `failed` as the command ended. Workers that were
 * prepared meanwhile wait.
 *
 * All of this runs on the loop; work that blocks runs in child processes. Functions return 0 or
 * -errno and print nothing.
 */
#include "core/portmap.h"
#include "tools/db/mode/config.h"

struct db;

/**
 * @config	copied
 * @ret_reason	which mode and why, or what is wrong: a half-sentence for people, the caller's to
 * free
 * Return: 0; -EINVAL a database that is neither a name nor a URL; -ENOENT no server programs for
 * private mode; -ENOTSUP this cannot work here; -errno.
 */
int db_open(const struct db_config *config, struct db **ret_db, char **ret_reason);

/**
 * What mode would db_open() choose for PostgreSQL? Nothing is started or made.
 * @ret_reason	why, or what is wrong: a half-sentence, the caller's to free
 * Return: as db_open().
 */
int db_choose(const struct db_config *config, enum db_mode *ret_mode, char **ret_reason);

/**
 * Return: how many entries this handle does not provide. In rename mode these are all that are not
 * PostgreSQL; the caller opens a second handle for them, in private mode and without a setup
 * command.
 */
unsigned int db_skipped(const struct db *db);

/** Return: how many files the template's key covers, once the template is there. */
unsigned int db_template_files(const struct db *db);

enum db_mode db_mode_of(const struct db *db); /* never DB_AUTO */

struct db_pool_request {
	unsigned int workers; /* at once */
	unsigned int each;    /* connections that one is expected to open */
	bool seen;            /* `each` comes from earlier runs, not from the settings */
};

/**
 * Before anything is made on a shared server: does it have enough connections left? Blocking, at
 * most two seconds.
 * @ret_left	for workers, and Berth's own beside theirs; 0 = not known
 * Return: 0, also in private mode or if the server does not say; -EUSERS, and *ret_why is the
 * arithmetic, with a hint.
 */
int db_pool_check(const struct db *db, const struct db_pool_request *request,
                  unsigned int *ret_left, char **ret_why);

/**
 * @task and @map must live until db_worker_end(). @ready is called exactly once, never from within
 * this call.
 */
int db_worker_prepare(struct db *db, unsigned int number, const char *task,
                      struct berth_portmap *map, db_ready_fn ready, void *arg);

/** Set what the worker's processes need in their environment. */
void db_worker_environ(const struct db *db, char ***envp);

/**
 * Bring the worker's databases back to @snapshot, or to what they were at first (NULL). Cuts its
 * connections. After an error that @ready reports, the worker may go on as before.
 * Return: 0; -ENOENT it has no databases now; -EALREADY a reset is under way; -EINVAL no name of a
 * snapshot; as snapshot_use(); -errno.
 */
int db_worker_reset(struct db *db, unsigned int number, const char *snapshot, db_ready_fn ready,
                    void *arg);

/**
 * Copy the worker's databases as they are now to snapshot @name, and replace an older one of that
 * name. Cuts the worker's connections; its databases stay.
 * Return: 0; -ENOENT, -EALREADY, -EINVAL as above; -errno.
 */
int db_worker_snapshot(struct db *db, unsigned int number, const char *name, db_ready_fn ready,
                       void *arg);

/** Return: a worker that was prepared is not gone yet. */
bool db_busy(const struct db *db);

/** Stop what the worker had, and remove or keep it as the configuration says; in the background. */
void db_worker_end(struct db *db, unsigned int number, bool failed);

/**
 * End the workers that remain. Free @db when the last child is gone, then call @done from the loop.
 * @db may be NULL.
 */
void db_close(struct db *db, void (*done)(void *arg), void *arg);

#endif
