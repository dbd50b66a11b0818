/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_RUN_H
#define BERTH_RUN_RUN_H
/*
 * The driver of a run: it owns every module and connects them. Only these files know struct run.
 *
 *	main.c		options -> plan -> run_open() -> run_supervise() -> verdict -> run_close()
 *	open.c		makes and removes everything that exists before the first worker
 *	supervisor.c	the loop: starts workers, answers their events and the signals
 */
#include <stdbool.h>

#include "tools/base/loop.h"
#include "tools/isolate/isolate.h"
#include "tools/ports/ports.h"
#include "tools/run/allocate.h"
#include "tools/run/context.h"
#include "tools/run/database/database.h"
#include "tools/run/exec.h"
#include "tools/run/guard.h"
#include "tools/run/monitor/monitor.h"
#include "tools/run/queue.h"
#include "tools/run/signals.h"
#include "tools/run/worker/inject.h"
#include "tools/run/worker/notes.h"
#include "tools/run/worker/output.h"
#include "tools/run/worker/worker.h"
#include "tools/tree/tree.h"

struct run {
	struct run_context context;
	unsigned int count; /* workers of the run */
	unsigned int made;  /* the same, and the setup command's worker if there is one */
	struct worker_spec *specs;
	struct run_worker **workers;
	struct worker_setup worker_setup;

	struct loop *loop;
	struct signals *signals;
	struct ports *ports;
	struct isolate *isolate;
	struct tree *tree;
	char *tree_reason;   /* why all share the tree; NULL if they need not */
	int cgroup;          /* -1 if there is none */
	char *cgroup_dir;    /* NULL if there is none */
	char **limit_places; /* directories of limits in other hierarchies; strv */
	bool limits_unset;   /* --mem, --cpu or --pids cannot be had here */

	struct output *output;
	struct notes *notes;
	struct inject *inject;
	struct allocate *allocate;
	struct database *database; /* NULL if the run has none */
	struct run_monitor *monitor;
	struct queue *queue;
	struct exec_sessions *execs; /* NULL if `berth exec` cannot be served */
	struct guard *guard;

	unsigned int connections; /* see queue.h */
	bool state_dirty, confined;
	int first_signal; /* the first that asked us to end; 0 = none */
	unsigned int signal_count;
	struct loop_timer *tick;
};

/* open.c */

/**
 * @run	zeroed; run_remove_traces() and run_close() undo what was done, also after a failure
 * Return: 0; -errno and *ret_error, a whole message, the caller's to free.
 */
int run_open(struct run *run, const struct run_options *options, struct plan *plan,
             char **ret_error);
void run_close(struct run *run);

/** Write the state file, for other commands. */
void run_save_state(struct run *run);

/** Remove the run's traces in the file system; in the supervisor, or in the cleanup guard. */
void run_remove_traces(const struct run *run);

/* supervisor.c */

/** Callbacks for the modules, which open.c connects. @run: the struct run. */
struct worker_owner supervisor_owner(struct run *run);
int supervisor_run_setup(void *run);
void supervisor_server_environ(void *run, unsigned int number, char ***envp);
void supervisor_on_ready(void *run, unsigned int number, char *error);
void supervisor_on_database(void *run, const struct db_record *event);
int supervisor_exec(void *run, unsigned int number, uint32_t id, const int fds[INIT_FDS]);
void supervisor_exec_signal(void *run, unsigned int number, uint32_t id, int signal);
bool supervisor_needs_process(void *run, pid_t pid);

/** Run the workers. Return: 0; -errno. */
int run_supervise(struct run *run);

#endif
