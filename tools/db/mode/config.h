/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_MODE_CONFIG_H
#define BERTH_DB_MODE_CONFIG_H
/* What a run asks of the database module, and what the module reports to it. */
#include <stdbool.h>
#include <stdint.h>

#include "core/databases.h"
#include "tools/base/loop.h"

enum db_record_kind {
#define RECORD(id, ...) DB_RECORD_##id,
#include "tools/db/mode/records.def"
	DB_RECORD_KINDS
};

enum { DB_SLOW_MAX = 100 }; /* records of slow statements for one worker */

struct db_record {
	enum db_record_kind kind;
	unsigned int worker; /* 0 = the setup's */
	uint16_t port;       /* virtual; 0 = all of the worker's */
	int64_t ms;          /* -1 = the kind has none */
	int64_t since_ms;    /* CLOCK_MONOTONIC: when `ms` began; 0 = not known */
	const char *detail;
};

extern const char *const db_record_names[DB_RECORD_KINDS]; /* as in events.ndjson */

/* One database that the suite expects, or one server without database names. */
struct db_entry {
	enum db_kind kind;
	const char *text;      /* name or URL; NULL where the kind needs none */
	uint16_t port;         /* virtual; 0 = of the URL, or the kind's usual one */
	bool superuser;        /* its role is one on a private server */
	char *const *settings; /* strv of NAME=VALUE, for a private server; may be NULL */
	/* shell commands of DB_KIND_COMMAND; the last two may be NULL */
	const char *start, *ready, *stop;
};

struct db_config {
	struct loop *loop;
	const char *run_id;
	const char *project_dir; /* of .env, and of the files that the setup command names */
	const char *results_dir; /* of allocated-databases.json */
	const char *log_dir;     /* of the servers' logs, if it exists; else results_dir */
	const char *run_dir;     /* run-time files of this run */
	unsigned int workers;
	const struct db_entry *entries;
	unsigned int entry_count;
	enum db_mode mode;   /* of PostgreSQL; every other kind is private */
	enum db_role role;   /* of the URLs, as the user asks; AUTO = of the imported server */
	const char *command; /* setup; NULL = none */
	char *const *inputs; /* strv of globs: files that the template depends on; may be NULL */
	bool guess_inputs;   /* it depends on others, too */
	/* private servers keep their data under this name for the next run of it; NULL = none */
	const char *environment;
	const char *snapshot; /* what workers start from, without a setup; NULL = the template */
	bool keep;            /* keep every database */
	bool keep_failed;     /* keep those of failed workers */
	uint64_t template_quota_bytes; /* of all templates in one place; 0 = 4 GiB */
	uint64_t import_most_bytes;    /* larger databases are not imported; 0 = 2 GiB */
	bool pull;                     /* import again, however long that takes */
	/* workers can be cloned, or @failure says why not; may be NULL */
	void (*settled)(void *arg, const char *failure);
	int64_t idle_alarm_ms; /* record sessions idle in transaction after this; 0 = 60 s */
	int64_t idle_kill_ms;  /* end such sessions after this; 0 = never */
	int64_t slow_query_ms; /* record statements that take this long; 0 = none */
	unsigned int pool_alarm_percent; /* of max_connections; 0 = 80 */

	/* starts worker 0 with the setup command: db.h. Return: 0; -errno. */
	int (*run_setup)(void *arg, const char *command);
	void (*record)(void *arg, const struct db_record *record); /* may be NULL */
	/*
	 * Adds what a private server needs in its environment, so that its own connections (dblink,
	 * subscriptions, replication) stay within its worker. May be NULL.
	 */
	void (*server_environ)(void *arg, unsigned int number, char ***envp);
	void *arg;
};

/** @error 0; -errno, and then @text says what failed, for people, without credentials. */
typedef void (*db_ready_fn)(void *arg, unsigned int number, int error, const char *text);

#endif
