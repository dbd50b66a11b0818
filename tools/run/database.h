/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_DATABASE_H
#define BERTH_RUN_DATABASE_H
/*
 * The run's side of the database room (tools/db): when a worker gets its databases, and the one extra worker in which the
 * setup command migrates and seeds the template.
 *
 *	database_plan()		before the workers exist: does this run need the extra worker?
 *	database_open()		when maps, backends and trees are ready
 *	database_prepare()	a worker may start only when its databases can be connected to
 *	database_reset(), database_snapshot()	between two tests, when the suite asks for it: control.c
 *	database_worker_over()	its databases go, or are kept
 *	database_settle()	all workers are over
 *	database_close()	waits until everything is gone
 */
#include "tools/run/run.h"

bool database_wanted(const struct run_options *options);

/** The plan of the setup's worker, for worker number count + 1. */
const struct plan_worker *database_setup_plan(const struct run *run);

/** Add the setup's worker to run->made if there is a setup command. */
void database_plan(struct run *run);

/** Return: 0; -errno and *ret_error, a whole message. */
int database_open(struct run *run, char **ret_error);

/**
 * Ask for the databases of @worker; @go is called when it may start, or cannot: then worker->error is set, or it was told to end.
 * Return: 0; 1 if the run has no databases and @worker may start at once; -errno.
 */
int database_prepare(struct run_worker *worker, void (*go)(struct run_worker *worker));

/** Nothing if @worker does not wait for its databases; else it need not any more: @go is called, soon. */
void database_give_up(struct run_worker *worker);

/** Set what the processes of a worker need in their environment. */
void database_environ(const struct run *run, char ***envp);
void database_worker_over(struct run_worker *worker);

typedef void (*database_done_fn)(void *arg, int error, const char *text);

/**
 * Bring the databases of worker @number back to a snapshot, or to what they began as (NULL); @done is called when they can be
 * connected to again.
 * Return: 0; -errno, see database_refusal().
 */
int database_reset(struct run *run, unsigned int number, const char *snapshot,
                   database_done_fn done, void *arg);

/** Keep what they are now as snapshot @name. The same otherwise. */
int database_snapshot(struct run *run, unsigned int number, const char *name, database_done_fn done,
                      void *arg);

/** Why a reset or a snapshot was not begun, for people; the caller's to free. @name may be NULL. */
char *database_refusal(const char *name, int error);
/** Wait until the databases of all workers that are over are gone, and all is said of them. */
void database_settle(struct run *run);
void database_close(struct run *run);

/**
 * Of a run without databases that failed: if its output or DATABASE_URL names a server of this machine and none answers, say what
 * to do.
 */
void database_hint(const struct run *run);
void database_hint_refused(const struct run *run); /* what its output says */

/**
 * Will servers be started or stopped by programs before the run is over?
 * @ret_commands	some of them are commands of the project, which may want all that we were given
 */
bool database_has_servers(const struct run *run, bool *ret_commands);

/** "private", "rename and private", for the line at the start; NULL if there are none. The caller's to free. */
char *database_describe(const struct run *run);

#endif
