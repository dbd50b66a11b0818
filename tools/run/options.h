/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_OPTIONS_H
#define BERTH_RUN_OPTIONS_H
/*
 * The options of `berth run`: filled by tools/cli from berth.yaml and the command line (flags win),
 * read by tools/run. Plain data; every field has a neutral zero.
 */
#include <stdbool.h>
#include <stdint.h>

#include "core/databases.h"
#include "tools/isolate/isolate.h"
#include "tools/tree/tree.h"

enum run_gate { RUN_GATE_WARN, RUN_GATE_OFF, RUN_GATE_FAIL, RUN_GATES };
enum run_output {
	RUN_OUTPUT_AUTO,
	RUN_OUTPUT_PREFIX,
	RUN_OUTPUT_GROUP,
	RUN_OUTPUT_QUIET,
	RUN_OUTPUTS
};
/* Of PID and IPC namespaces. */
enum run_processes {
	RUN_PROCESSES_AUTO, /* private for several workers */
	RUN_PROCESSES_PRIVATE,
	RUN_PROCESSES_SHARED,
	RUN_PROCESSES
};
enum run_color { RUN_COLOR_AUTO, RUN_COLOR_ALWAYS, RUN_COLOR_NEVER, RUN_COLORS };

/* By value, NULL-terminated: options and berth.yaml are parsed by these names. */
extern const char *const run_gate_names[],
	*const run_output_names[], *const run_color_names[], *const run_processes_names[];

/* A growing list of inclusive ranges, host byte order. */
struct run_ports {
	struct run_port_range {
		uint16_t first, last;
	} * ranges;
	unsigned int count;
};

/* One entry of --db or of `databases:`; NULL or 0 if not given. */
struct run_database {
	enum db_kind kind;
	char *name, *url;           /* one of them, for a kind that has names */
	unsigned int port;          /* virtual; 0 = of the URL, or the kind's usual one */
	enum db_mode mode;          /* AUTO = as run_options.db_mode says */
	char *setup;                /* shell command; NULL = run_options.setup */
	char **inputs;              /* strv of globs: files that the setup depends on */
	char **settings;            /* strv of NAME=VALUE, for a private server's settings file */
	char *start, *ready, *stop; /* shell commands of DB_KIND_COMMAND */
};

/* One entry of `allow:`: findings that the user accepts. All that is given must match. */
struct run_allow {
	struct run_ports ports;
	char *program; /* glob */
	char *stack;   /* part of the name of a function in the stack */
};

/* One entry of `alarm:`: calls of a worker fail with one error, more often than that. */
enum run_error {
	RUN_EPIPE,
	RUN_ECONNRESET,
	RUN_ECONNREFUSED,
	RUN_ETIMEDOUT,
	RUN_EADDRINUSE,
	RUN_ERRORS
};
extern const char *const run_error_names[];
struct run_alarm {
	enum run_error error;
	double percent;     /* of connections or binds */
	unsigned int count; /* so many at least; 0 = 1 */
};

/* --inject: failures on purpose. */
enum run_fault_kind { RUN_FAULT_RESET, RUN_FAULT_STALL, RUN_FAULT_KILL, RUN_FAULTS };
extern const char *const run_fault_names[];
/* A growing list. */
struct run_faults {
	struct run_fault {
		enum run_fault_kind kind;
		uint16_t port; /* virtual */
		/* after the start of the command; how long, of RUN_FAULT_STALL */
		int64_t at_ms, for_ms;
	} * of;
	unsigned int count;
};

/* --shard: the part of the tasks that this machine runs. */
struct run_shard {
	unsigned int index, count; /* 1..count; count 0 = the run is not divided */
};

struct run_options {
	char **command;       /* strv */
	unsigned int workers; /* -n; 0 = not given (1, or as many as there are tasks) */
	char **tasks;         /* --each; strv or NULL. Of a shard: its part, which may be empty */
	char **each_files;    /* --each-file; strv of globs or NULL */
	char *each_command;   /* --each-command; NULL = none */
	char *shard_given;    /* --shard: "2/4" or "auto"; NULL = none */
	struct run_shard shard;
	char *shard_times;  /* file with times of tasks; NULL = divide by names alone */
	char **all_tasks;   /* of all shards; strv; NULL = not divided, or without names */
	uint64_t list_hash; /* see shard_hash() */
	/* how long each of the tasks took before; 0 = not known; NULL = none is */
	int64_t *expected_ms;
	unsigned int slots; /* -j; 0 = all at once for -n, the number of cores for --each */

	struct run_ports ports;           /* --port: declared */
	struct run_ports share;           /* --share: left to the host */
	uint16_t range_first, range_last; /* where blocks lie; 0 = 20000-29999 */
	unsigned int block_len;           /* real ports per worker; 0 = by the number of workers */
	bool strict;
	bool flaky; /* tests that do not agree fail the run */

	char **databases; /* --db NAME|URL; strv or NULL */
	/* the same and `databases:` of berth.yaml, parsed */
	struct run_database *database_list;
	unsigned int database_count;
	enum db_mode db_mode;
	enum db_role role; /* of the databases' roles on private servers */
	char *setup;       /* shell command that migrates and seeds; NULL = none */
	/* what databases begin as, in place of the setup's template; NULL = that */
	char *snapshot;

	bool keep_failed;                /* databases of workers that failed */
	unsigned int pool;               /* connections of a worker at once; 0 = not given */
	unsigned int pool_seen;          /* the same, in earlier runs; 0 = not known */
	unsigned int *task_pools;        /* the same, of each of the tasks; NULL = none is known */
	unsigned int pool_alarm_percent; /* 0 = 80 */
	uint64_t template_quota_bytes;   /* 0 = 4 GiB */
	uint64_t import_most_bytes;      /* 0 = 2 GiB */
	int64_t idle_alarm_ms;           /* 0 = 60 000 */
	int64_t idle_kill_ms;            /* 0 = never */
	int64_t slow_query_ms;           /* 0 = 1000 */

	enum isolate_backend backend;
	bool tcp_only; /* seccomp: not the addresses of messages */
	enum run_gate leaks, foreign;
	struct run_allow *allow;
	unsigned int allow_count;
	struct run_alarm *alarms;
	unsigned int alarm_count;
	struct run_faults faults;
	char *hook; /* shell command for each new finding; NULL = none */

	int64_t timeout_ms; /* per worker; 0 = none */
	int64_t grace_ms;   /* between SIGTERM and SIGKILL; 0 = 10 000 */
	bool fail_fast;
	bool keep; /* keep trees and databases, even of what passed */

	enum tree_kind tree;
	enum run_processes processes;
	enum tree_home home;
	char **share_paths; /* strv or NULL */
	char **collect;     /* --collect; strv of globs or NULL */
	uint64_t mem_bytes; /* per worker; 0 = no limit */
	double cpu_cores;
	unsigned int pids;

	enum run_output output;
	enum run_color color;
	char *results_dir; /* NULL = results_default() */
	char *json_file, *junit_file, *html_file, *trace_file, *markdown_file, *gitlab_file;
	char **merge; /* the runner's own JUnit files; strv of globs or NULL */
	bool dry_run;

	/* of an environment, `berth up`: its name, its directory, the lock on it; NULL = a run */
	char *name, *environment_dir;
	int environment_lock;

	/* absolute: of berth.yaml, else of the git work tree, else the working one */
	char *project_dir;
};

void run_options_free(struct run_options *options);

/** Return: the number of workers: of -n, or of the tasks, or one. */
unsigned int run_options_workers(const struct run_options *options);

/**
 * Add "3101" or "3101-3110".
 * Return: 0; -EINVAL not a port or a range; -ERANGE outside 1..65535, or first > last.
 */
int run_ports_add(struct run_ports *ports, const char *text);

/** Carry out `berth run`; prints. Return: the exit status (see the man page, EXIT STATUS). */
int run_main(const struct run_options *options);

#endif
