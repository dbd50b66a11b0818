/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_H
#define BERTH_STATE_H
/*
 * The state of each run, for other berth commands (`berth ps`, `berth env`, `berth who`, `berth
 * reap`).
 *
 * The supervisor replaces dir_runtime()/ID/state.json atomically at each change. A run is alive
 * while a process holds the lock on dir_runtime()/ID/lock, which the kernel releases when the last
 * holder dies.
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

#include "tools/ports/ports.h"

enum state_status {
	STATE_WAITING, /* for its turn */
	STATE_RUNNING,
	STATE_ENDING, /* it was asked to end, or its leftover processes are being ended */
	STATE_PASSED,
	STATE_FAILED,
	STATE_STATUSES
};
extern const char *const state_status_names[STATE_STATUSES + 1]; /* "waiting", ... NULL */

struct state_worker {
	unsigned int number; /* 1..N */
	char *task;
	pid_t pid;  /* the command; 0 before it starts, and in another PID namespace than ours */
	pid_t init; /* the ancestor of every process of the worker; 0 when it is gone */
	unsigned int block_base, block_len; /* real ports */
	struct ports_pair *ports;           /* TCP ports of an environment, to have them again */
	size_t port_count;
	char *map_path; /* see core/portmap.h; map it read-only, check berth_portmap_valid() */
	enum state_status status;
	int exit_status; /* as a shell would show it, once passed or failed */
};

struct run_state {
	char *id;   /* "7f3a" */
	pid_t pid;  /* the supervisor; 0 in another PID namespace than ours */
	bool alive; /* false: `berth reap` removes what it left */
	char *project_dir, *results_dir;
	char *dir;             /* run-time files */
	char *log_dir;         /* of the workers, once one has a log */
	char *name;            /* of an environment; NULL = a run */
	char *scratch_dir;     /* trees and temporary files */
	char *cgroup_dir;      /* NULL if there is none */
	char **limit_dirs;     /* further cgroups, of limits in other hierarchies; strv */
	char *backend;         /* "preload" */
	char *tree;            /* "shared", "overlay", "copy" */
	char **command;        /* strv, before placeholders are filled in, without passwords */
	int64_t started_ns;    /* CLOCK_REALTIME */
	char **database_ports; /* "5432"; strv */
	struct state_worker *workers;
	size_t worker_count;
};

/** All runs of this user that have run-time files, dead ones included, the oldest first. */
int state_list(struct run_state **ret_runs, size_t *ret_count);
void state_list_free(struct run_state *runs, size_t count);

/** What the last state_save() wrote to @dir/state.json. Return: 0; -EINVAL; -errno. */
int state_load_file(const char *dir, struct run_state *ret_run);
void state_free(struct run_state *run);

/** Write @run to @run->dir/state.json; of an environment also to @run->log_dir, where it stays. */
int state_save(const struct run_state *run);

#endif
