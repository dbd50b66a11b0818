/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_H
#define BERTH_STATE_H
/*
 * What a live run says about itself to other berth commands: `berth ps`, `berth env`, `berth who`, `berth reap`.
 *
 * The supervisor keeps it in dir_runtime()/ID/state.json, replaced atomically at each change. A run is alive as long as
 * somebody holds the lock on dir_runtime()/ID/lock; the kernel releases that, whatever dies.
 *
 *	struct run_state *runs;
 *	size_t count;
 *	state_list(&runs, &count);
 *	...
 *	state_list_free(runs, count);
 *
 * Functions return 0 or -errno; nothing here prints.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum state_status {
	STATE_WAITING, /* no slot yet */
	STATE_RUNNING,
	STATE_ENDING, /* asked to end, or what it left behind is being ended */
	STATE_PASSED,
	STATE_FAILED,
	STATE_STATUSES
};
extern const char *const state_status_names[STATE_STATUSES + 1]; /* "waiting", ... NULL */

struct state_worker {
	unsigned int number; /* 1..N */
	char *task;
	pid_t pid;  /* the command; 0 before it starts */
	pid_t init; /* the parent of everything in the worker; 0 when it is gone */
	unsigned int block_base, block_len; /* real ports */
	char *map_path; /* see core/portmap.h; map it read-only, check berth_portmap_valid() */
	enum state_status status;
	int exit_status; /* as a shell would show it, once passed or failed */
};

struct run_state {
	char *id;   /* "7f3a" */
	pid_t pid;  /* the supervisor */
	bool alive; /* false: debris of a dead run, `berth reap` removes it */
	char *project_dir, *results_dir;
	char *dir;           /* run-time files */
	char *scratch_dir;   /* trees and temporary files */
	char *cgroup_dir;    /* NULL if there is none */
	char **limit_places; /* the same for limits, in other hierarchies; strv, NULL = none */
	char *backend;       /* "preload" */
	char *tree;          /* "shared", "overlay", "copy" */
	char **command;      /* strv, before placeholders are filled in, without passwords */
	int64_t started_ns;  /* CLOCK_REALTIME */
	struct state_worker *workers;
	size_t worker_count;
};

/** All runs of this user that have run-time files, the oldest first, dead ones included (alive = false). */
int state_list(struct run_state **ret_runs, size_t *ret_count);
void state_list_free(struct run_state *runs, size_t count);

/** The run with this id, or the only live run if @id is NULL. Return: 0; -ENOENT none, -ENOTUNIQ several; -errno. */
int state_load(const char *id, struct run_state *ret_run);
void state_free(struct run_state *run);

/** Write @run to @run->dir/state.json. */
int state_save(const struct run_state *run);

#endif
