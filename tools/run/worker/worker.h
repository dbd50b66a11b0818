/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_WORKER_H
#define BERTH_RUN_WORKER_WORKER_H
/*
 * One worker, from its start to its end, as the supervisor sees it.
 *
 *	worker_new()
 *	worker_begin()		its turn has come; it may have to wait for its databases
 *	worker_launch()		start its worker init, and in that its command
 *	  or worker_fail()	it cannot start
 *	worker_end(), ...	orders while it runs
 *	worker_free()
 *
 * A worker tells its owner what happens to it by the calls of struct worker_owner; it calls nothing
 * else of the run.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/portmap.h"
#include "tools/base/loop.h"
#include "tools/isolate/isolate.h"
#include "tools/limits/limits.h"
#include "tools/ports/ports.h"
#include "tools/run/worker/init.h"
#include "tools/run/worker/output.h"
#include "tools/state/state.h"
#include "tools/tree/tree.h"

/* What is known of a worker before it starts; only read afterwards. */
struct worker_spec {
	unsigned int number; /* 1..N; N + 1 for the setup command's worker */
	bool is_setup;       /* it makes the template of the databases and counts in no total */
	bool single;         /* the only one: it keeps our terminal, streams and process group */
	const char *task;
	char **argv; /* strv */
	char *name;  /* "w3", or the name of its task */
	struct ports_block block;
	struct berth_portmap *map;
	char *map_path;
	int cgroup; /* -1 if there is none */
	struct limits limits;
	char *tmp_dir; /* NULL if /tmp is private, or there is none */
};

/* Why it was asked to end. */
enum worker_end {
	END_ITSELF,
	END_TIMEOUT,
	END_FAIL_FAST,
	END_SIGNAL, /* a signal asked the run to end */
};

/* A process that outlived its worker's command. */
struct worker_leftover {
	pid_t pid;
	char *command;
	bool survived; /* it could not be ended */
};

/* What has become of a worker so far; written by worker.c only. */
struct worker_result {
	enum state_status status;
	enum worker_end end;
	char *error;     /* why it never ran, a whole message; NULL if it did */
	int exit_status; /* as a shell shows it; valid when the worker is over */
	int wait_status; /* as wait(2) gave it */
	bool exited;     /* the command has ended; other processes of the worker may live */
	int64_t started_ms, ended_ms; /* CLOCK_MONOTONIC; 0 = not yet */
	pid_t pid;                    /* of the command; 0 before it starts */
	pid_t init;                   /* its worker init; 0 before it starts and after its end */
	struct worker_leftover *leftovers;
	unsigned int leftover_count;
};

struct run_worker;

/* The worker calls these for its owner, from the loop or from an order to the same worker. */
struct worker_owner {
	void (*starting)(void *arg, struct run_worker *worker); /* its log exists, no process yet */
	void (*started)(void *arg, struct run_worker *worker);  /* the command's process exists */
	/* The command has ended, its leftovers live until worker_leftovers_judged(). */
	void (*exited)(void *arg, struct run_worker *worker);
	void (*gone)(void *arg, struct run_worker *worker); /* its last process has ended */
	void (*over)(void *arg,
	             struct run_worker *worker); /* it has a result, even if it never ran */
	void (*changed)(void *arg);              /* its state, as other commands see it */
	/* a program of worker_exec() has begun or ended, or cannot begin */
	void (*exec_event)(void *arg, const struct worker_init_message *message);
	void (*add_environ)(void *arg, const struct run_worker *worker, char ***envp);
	/* In a new worker init: close what only the supervisor may hold. */
	void (*close_descriptors)(void *arg, const struct run_worker *worker);
	bool (*needs_process)(void *arg, pid_t pid); /* a worker init, the guard, the supervisor */
	void *arg;
};

/* What is the same for all workers of a run. */
struct worker_setup {
	struct loop *loop;
	struct isolate *isolate;
	struct tree *tree;
	struct output *output;
	const char *run_id, *cwd;
	unsigned int workers;  /* for BERTH_WORKERS */
	int64_t timeout_ms;    /* 0 = none */
	int64_t grace_ms;      /* between SIGTERM and SIGKILL */
	bool judges_leftovers; /* worker_leftovers_judged() will be called */
	struct worker_init_inherit inherit;
	struct worker_owner owner;
};

/** @spec, @setup: must live as long as the worker. */
struct run_worker *worker_new(const struct worker_spec *spec, const struct worker_setup *setup);
void worker_free(struct run_worker *worker);

const struct worker_spec *worker_spec(const struct run_worker *worker);
const struct worker_result *worker_result(const struct run_worker *worker);

/** True while its worker init lives. */
bool worker_is_live(const struct run_worker *worker);

void worker_begin(struct run_worker *worker);
void worker_launch(struct run_worker *worker);

/** It cannot start. @error: a whole message, owned by the worker; NULL if it was asked to end. */
void worker_fail(struct run_worker *worker, char *error);

/** Ask it to end by signal @number, with grace. */
void worker_end(struct run_worker *worker, enum worker_end why, int number);
void worker_kill(struct run_worker *worker);

/** Pass signal @number on to its command. */
void worker_signal(struct run_worker *worker, int number);

/**
 * Start a further program in it. What becomes of it comes by owner.exec_event.
 * @id	not 0, unique in the run
 * Return: 0; -EPIPE: it has no worker init now; -errno.
 */
int worker_exec(struct run_worker *worker, uint32_t id, const int fds[INIT_FDS]);
void worker_exec_signal(struct run_worker *worker, uint32_t id, int number);

/** Its leftovers have been looked at: they may be ended. */
void worker_leftovers_judged(struct run_worker *worker);

/** Close the supervisor's end of the channel to its worker init; in the worker init of another. */
void worker_close_channel(const struct run_worker *worker);

#endif
