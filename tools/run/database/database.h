/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_DATABASE_DATABASE_H
#define BERTH_RUN_DATABASE_DATABASE_H
/*
 * The run's side of tools/db: when a worker gets its databases, and the additional worker in which
 * the setup command migrates and seeds the template.
 *
 *	database_new()		before the workers exist: does this run need the additional worker?
 *	database_open()		when maps, backends and trees are ready
 *	database_prepare()	a worker may start when its databases can be connected to
 *	database_worker_over()	its databases are removed, or kept
 *	database_settle()	all workers are over
 *	database_close()	waits until everything is removed
 *
 * The setup command's worker is like any other (block, map, cgroup, tree, log), but it is not one
 * of the run's: it takes no slot and counts in no total.
 */
#include <stdbool.h>
#include <stdint.h>

#include "core/portmap.h"
#include "tools/base/loop.h"
#include "tools/db/db.h"
#include "tools/run/context.h"
#include "tools/run/worker/worker.h"

struct database;

struct database_setup {
	struct loop *loop;
	const struct run_context *context;
	unsigned int workers; /* the setup command's worker has the number after the last */
	/* Start the setup command's worker. Return: 0; -errno. */
	int (*run_setup)(void *arg);
	/* What a server needs in its environment to be a neighbour of worker @number only. */
	void (*server_environ)(void *arg, unsigned int number, char ***envp);
	void (*record)(void *arg, const struct db_record *record);
	/*
	 * The answer to database_prepare(). @error: why the worker cannot start, a whole message
	 * that the callee owns; NULL if it can.
	 */
	void (*ready)(void *arg, unsigned int number, char *error);
	void *arg;
};

/**
 * The mode that a run with PostgreSQL databases would choose here, without the run; it asks the
 * server.
 * @ret_reason	why, or what is wrong; the caller's to free
 * Return: 0; -errno.
 */
int database_choose(const struct run_options *options, enum db_mode *ret_mode, char **ret_reason);

/** Return: NULL if the run has no databases. */
struct database *database_new(const struct run_options *options);

/** The setup command's arguments, a strv, owned by @database; NULL if there is none. */
char **database_setup_argv(const struct database *database);

/**
 * @ret_connections	what a shared server has left for workers whose needs are known; 0 = no
 *			limit
 * Return: 0; -errno and *ret_error, a whole message.
 */
int database_open(struct database *database, const struct database_setup *setup,
                  unsigned int *ret_connections, char **ret_error);

/**
 * Ask for the databases of a worker.
 * Return: 0, then setup.ready is called once, later; -errno and *ret_error, a whole message.
 */
int database_prepare(struct database *database, const struct worker_spec *worker, char **ret_error);

/**
 * If the worker waits for its databases it does not need them any more: setup.ready is called soon.
 */
void database_give_up(struct database *database, unsigned int number);

/** Set what the processes of a worker need in their environment. */
void database_environ(const struct database *database, char ***envp);

void database_worker_over(struct database *database, unsigned int number, bool failed);

/** Wait until the databases of all workers that are over are removed; at most 20 s. */
void database_settle(struct database *database);
void database_close(struct database *database);

/**
 * Will programs start or stop servers before the run is over?
 * @ret_commands	some of them are commands of the project, which may need any of our rights
 */
bool database_has_servers(const struct database *database, bool *ret_commands);

/**
 * "private", "rename and private", for the first line; NULL if there are none. The caller's to
 * free.
 */
char *database_describe(const struct database *database);

/** What may have made a run fail: a database or a role that a server did not have. */
void database_hint(const struct database *database, struct run_worker *const *workers);

#endif
