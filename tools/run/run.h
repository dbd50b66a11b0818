/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_RUN_H
#define BERTH_RUN_RUN_H
/*
 * Inside tools/run: the one `struct run` of the supervisor and its workers. Each file owns the fields that its comment
 * names; the flow is
 *
 *	main.c		options -> plan -> run_open() -> run_supervise() -> verdict -> run_close()
 *	open.c		everything that exists before the first worker, and its removal
 *	supervisor.c	signals, the queue, the loop
 *	worker.c	one worker from start to end
 *	output.c	its streams;  notes.c  what the shim reports;  verdict.c  what comes of it all
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/portmap.h"
#include "tools/base/loop.h"
#include "tools/base/str.h"
#include "tools/isolate/isolate.h"
#include "tools/ports/ports.h"
#include "tools/limits/limits.h"
#include "tools/run/init.h"
#include "tools/run/options.h"
#include "tools/run/plan.h"
#include "tools/state/state.h"
#include "tools/tree/tree.h"
#include "tools/watch/finding/finding.h"

/* why it was asked to end */
enum worker_end {
	END_ITSELF,
	END_TIMEOUT,
	END_FAIL_FAST,
	END_SIGNAL, /* the run was told to end */
};

/* one end of a pipe from a worker; output.c */
struct output_stream {
	struct run_worker *worker;
	int fd;          /* -1 once it has ended */
	int to;          /* our own descriptor that it is copied to */
	struct str line; /* the beginning of a line whose end has not come yet */
};

/* a process that outlived its worker's command */
struct leftover {
	pid_t pid;
	char *command;
	bool survived; /* it could not be ended */
};

struct run_worker {
	struct run *run;
	const struct plan_worker *plan;
	unsigned int number;
	enum state_status status;
	enum worker_end end;
	char *error;     /* it never ran: why, a whole message */
	int exit_status; /* as a shell shows it; valid when it is over */
	int wait_status; /* as wait(2) gave it */
	bool exited;     /* the command did; the rest of the worker may not have */
	int64_t started_ms, ended_ms;
	bool setup; /* not one of the run's: it makes the databases' template; database.c */
	unsigned int rooms_due; /* databases that have not answered yet; database.c */
	/* set while the worker has databases, or waits for them */
	void (*on_database)(struct run_worker *worker);

	struct ports_block block;
	struct berth_portmap *map;
	char *map_path;
	uint32_t notes_read, notes_lost; /* tickets; notes.c */
	bool learned;                    /* a port since the last look; notes.c */
	int cgroup;                      /* -1 if there is none */
	struct limits limits;
	char *tmp_dir; /* NULL if /tmp is private, or there is none */

	pid_t init, pid;
	int channel; /* -1 before and after */
	struct loop_timer *timeout;
	struct injection *injections; /* one for each of options->faults; inject.c */
	struct output_stream out, err;
	int log; /* -1 if there is none; output.c */
	char *log_path;
	struct leftover *leftovers;
	unsigned int leftover_count;
	unsigned int tree_changed;
};

/* notes.c, verdict.c: one line of the summary */
struct note_finding {
	unsigned int kind;        /* enum berth_note_kind */
	char *text;               /* without the workers' names */
	char *workers;            /* "w1 w3" */
	const char *database_url; /* what --db may want to hear: static, or NULL */
	unsigned int last_worker, count;
};

struct run {
	const struct run_options *options;
	struct plan *plan;
	char *id;
	char *dir; /* run-time files */
	char *project_dir, *results_dir;
	char *log_dir;     /* RESULTS/runs/ID; made when it is needed */
	char *scratch_dir; /* trees, TMPDIRs */
	char *cwd;
	char *install_dir;
	char *cgroup_dir; /* NULL if there is none */
	int cgroup;
	char **limit_places; /* directories of limits in other hierarchies; strv */
	int lock;            /* held as long as supervisor or guard lives */
	int inits_lock;      /* held as long as supervisor or a worker init lives */
	int64_t started_wall_ns, started_ms;

	struct ports *ports;
	struct isolate *isolate;
	char *isolate_reason;
	struct tree *tree;
	char *tree_reason;
	bool allocate_dirty;  /* allocate.c */
	int64_t allocated_ms; /* when it was last written; 0 = never */
	struct run_worker *workers;
	unsigned int count; /* the run's */
	unsigned int made;  /* the same, and the setup's worker behind them if there is one */
	struct database *database; /* NULL if the run has none */

	struct loop *loop;
	struct worker_init_inherit inherit;
	int signals;      /* signalfd; supervisor.c */
	sigset_t ignored; /* of these: we were started so (nohup), and they end nobody */
	int got_signal;   /* the first that asked us to end; 0 = none */
	unsigned int signal_count;
	unsigned int running, over, failed;
	bool stop_queue; /* no further worker starts */
	/* connections of the shared server for tasks that run at once; 0 = no matter */
	unsigned int pool_left;
	bool pool_waited; /* a task had to wait for that, which has been said */
	bool state_dirty;
	struct loop_timer *tick;

	int alive; /* write end: the guard sees when the last holder is gone; guard.c */
	int guard_channel;
	pid_t guard;

	int lacking; /* -errno: why results of the run could not be written; 0 = all were */
	bool color;
	bool interactive; /* stderr is a terminal: there is a progress line */
	enum run_output output;
	unsigned int name_width;
	struct note_finding *findings;
	unsigned int finding_count;
	bool lost_isolation, foreign;
	struct watching *watching; /* watching.c */
	bool confined;             /* supervisor.c */
	bool limits_unset;         /* --mem, --cpu or --pids was asked for and cannot be had */
};

/* open.c */

/**
 * @ret_run	set even on failure: run_remove_traces() and run_close() undo what was done
 * Return: 0; -errno and *ret_error, a whole message.
 */
int run_open(const struct run_options *options, struct plan *plan, struct run **ret_run,
             char **ret_error);
void run_close(struct run *run);
void run_save_state(struct run *run);
/* Remove the run's traces in the file system; for the supervisor and for the guard in its stead. */
void run_remove_traces(struct run *run);

/* supervisor.c */
int run_supervise(struct run *run);
void run_poll_signals(struct run *run);
void run_worker_over(struct run *run, struct run_worker *worker);

/* worker.c */
void worker_start(struct run_worker *worker); /* a failure is the worker's result */
void worker_end(struct run_worker *worker, enum worker_end why, int number);
void worker_kill(struct run_worker *worker);
bool run_needs_process(const struct run *run, pid_t pid); /* a worker init, the guard, ourselves */
/*
 * Kill what has become our child: of a worker init that was killed (we are the next subreaper above), or of a server.
 * @worker	whose worker init it was; NULL = all is over, whoever is left
 */
void worker_kill_orphans(const struct run *run, const struct run_worker *worker);
/* "w3", or the task's name; the caller's to free */
char *worker_name(const struct run_worker *worker);
/* where --collect puts its files; the caller's to free */
char *worker_collected(const struct run_worker *worker);

/* output.c */
int output_open(struct run_worker *worker, int ret_streams[2]); /* the worker's ends */
void output_drain(struct run_worker *worker);
void output_close(struct run_worker *worker);
void output_worker_over(struct run_worker *worker);
void output_setup(struct run *run);

/* progress.c */
void progress_clear(void);
void progress_line(const char *line, size_t len); /* a line of ours, in place of it */
void progress_show(struct run *run);

/* notes.c */
void notes_drain(struct run *run);
void notes_drain_worker(struct run_worker *worker);
extern const char *const note_names[]; /* JSON names by enum berth_note_kind */

/* verdict.c */
int run_verdict(struct run *run);
/* a result of the run could not be written; 0 is fine */
void run_lacks(struct run *run, int error);
int run_results_verdict(const struct run *run, int status); /* 125 where 0 would hide that */

/* guard.c */
int guard_start(struct run *run);
void guard_release(struct run *run); /* everything is removed: the guard may go */

#endif
