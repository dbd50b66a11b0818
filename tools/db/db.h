/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_H
#define BERTH_DB_H
/*
 * A database of its own for every worker. To the worker a database port is one more virtual port; its real end belongs to
 * this room: the worker's private cluster, or the worker's relay to a shared server.
 *
 *	db_open()		once, after the options are known; starts making the template
 *	db_worker_prepare()	before the worker's first process: declares the database ports in its map and adds the unix
 *				socket rules, at once; calls back when clients can connect
 *	db_worker_end()		when the last process of the worker is gone
 *	db_close()		after the last worker
 *
 * The setup command (the suite's own migrate and seed) runs in a worker of its own, number 0, which the run makes like any
 * other: when the template is missing, run_setup() is called once, and the run then prepares worker 0, starts the command
 * in it and ends worker 0 with `failed` telling how the command ended. Workers that were prepared meanwhile wait.
 *
 * Everything happens on the loop; what would block is done in child processes. Functions return 0 or -errno and print
 * nothing.
 */
#include <stdbool.h>
#include <stdint.h>

#include "core/portmap.h"
#include "tools/base/loop.h"
#include "tools/db/common/url.h"

enum db_record_kind {
	DB_RECORD_TEMPLATE, /* found or built: detail "cached" or "built", ms */
	/* a worker's database can be used: detail reflink, overlay, copy or create; ms */
	DB_RECORD_READY,
	DB_RECORD_DIED, /* a server ended by itself: detail is the last line of its log */
	DB_RECORD_KEPT, /* left for inspection: detail is the command that opens it */
	DB_RECORD_REMOVED,
	DB_RECORD_IDLE, /* sessions idle in transaction; ms = the oldest, detail how many */
	DB_RECORD_POOL, /* the server's connections are nearly used up; detail "USED of MOST" */
	/* when the worker ends: detail is the most that it had open at once */
	DB_RECORD_CONNECTIONS,
	/* sessions idle in transaction for ms were ended; detail how many */
	DB_RECORD_IDLE_ENDED,
	/* a statement took ms, or longer; detail is it, without values. At most DB_SLOW_MOST a worker */
	DB_RECORD_SLOW,
	/* databases that the suite had made were there at the worker's end; detail is their names */
	DB_RECORD_LEFTOVER,
	/* rename mode: the server is not asked any more, for a while; detail says why */
	DB_RECORD_BREAKER,
	/* rename mode: it refuses clients one after the other; detail is how many and what it says */
	DB_RECORD_REFUSED,
	/* a session ended with its process, idle in a transaction for ms */
	DB_RECORD_ABANDONED,
	DB_RECORD_KINDS
};

enum { DB_SLOW_MAX = 100 };

struct db_record {
	enum db_record_kind kind;
	unsigned int worker;  /* 0 = the setup's */
	const char *database; /* logical name; "" if it concerns all of them */
	const char *physical;
	uint16_t port; /* virtual */
	int64_t ms;    /* how long it took; -1 if that means nothing */
	const char *detail;
};

extern const char *const db_record_names[DB_RECORD_KINDS]; /* as in events.ndjson */

/* one database that the suite expects, or one server without names */
struct db_entry {
	enum db_kind kind;
	const char *text;      /* name or URL; NULL where the kind needs none */
	uint16_t port;         /* virtual; 0 = of the URL, or the kind's usual one */
	char *const *settings; /* strv of NAME=VALUE, for a private server; may be NULL */
	/* shell commands of DB_KIND_COMMAND; the last two may be NULL */
	const char *start, *ready, *stop;
};

struct db_config {
	struct loop *loop;
	const char *run_id;
	/* .env is looked up there; the setup's files are relative to it */
	const char *project_dir;
	/* allocated-databases.json; logs of servers, in runs/ID/ if that is there */
	const char *results_dir;
	const char *run_dir; /* run-time files of this run */
	unsigned int workers;
	const struct db_entry *entries;
	unsigned int entry_count;
	enum db_mode mode;   /* of PostgreSQL; every other kind is private */
	const char *command; /* setup; NULL = none */
	/* strv of globs whose contents the template depends on; may be NULL */
	char *const *inputs;
	/* workers start from this one, and there is no setup; NULL = from the template */
	const char *snapshot;
	bool keep;        /* keep every database */
	bool keep_failed; /* keep those of failed workers */
	/* of all templates on a shared server, or in the cache; 0 = 4 GiB */
	uint64_t template_quota_bytes;
	int64_t idle_alarm_ms; /* idle in transaction for so long is recorded; 0 = 60 000 */
	int64_t idle_kill_ms;  /* for so long is ended; 0 = never */
	int64_t slow_query_ms; /* statements that take so long are recorded; 0 = none are */
	unsigned int pool_alarm_percent; /* of max_connections; 0 = 80 */

	int (*run_setup)(void *arg, const char *command);          /* see above; -errno refuses */
	void (*record)(void *arg, const struct db_record *record); /* may be NULL */
	/* what a private server needs, so that its own connections (dblink, subscriptions, replication) land in its worker */
	void (*server_environ)(void *arg, unsigned int number, char ***envp); /* may be NULL */
	void *arg;
};

struct db;

/** @error 0; -errno, and then @text says what failed, for people, without credentials. */
typedef void (*db_ready_fn)(void *arg, unsigned int number, int error, const char *text);

/**
 * @ret_reason	which mode and why, or what is wrong: a half-sentence for people, the caller's to free
 * Return: 0; -EINVAL a database that is no name and no URL; -ENOENT no server programs for private mode; -ENOTSUP what was
 * asked for cannot work here; -errno.
 */
int db_open(const struct db_config *setup, struct db **ret_db, char **ret_reason);

/**
 * How many of what was wanted this room does not provide: in mode DB_RENAME everything that is not PostgreSQL. It wants a
 * private room of its own, without a setup.
 */
unsigned int db_skipped(const struct db *db);

enum db_mode db_mode_of(const struct db *db); /* never DB_AUTO */

struct db_pool_request {
	unsigned int workers; /* at once */
	unsigned int each;    /* connections that one is expected to open */
	bool seen;            /* that is what earlier runs had; else somebody said so */
};

/**
 * Before anything is made on a shared server: has it enough connections left? Blocking, at most two seconds.
 * @ret_left	for workers, and Berth's own beside theirs; 0 = not known
 * Return: 0, also if it does not say or the room is no shared server's; -EUSERS, *ret_why is the arithmetic, with a hint.
 */
int db_pool_check(const struct db *db, const struct db_pool_request *request,
                  unsigned int *ret_left, char **ret_why);

/** @task and @map must live until db_worker_end(). @ready is called exactly once, never from within this call. */
int db_worker_prepare(struct db *db, unsigned int number, const char *task,
                      struct berth_portmap *map, db_ready_fn ready, void *arg);

/** Set what the worker's processes need in their environment. */
void db_worker_environ(const struct db *db, char ***envp);

/**
 * Bring the worker's databases back to @snapshot, or to what they began as (NULL). Its connections are cut. @ready as above;
 * after some errors the worker goes on as it was.
 * Return: 0; -ENOENT it has none now; -EALREADY it is being reset; -EINVAL no name of a snapshot; of snapshot_use(); -errno.
 */
int db_worker_reset(struct db *db, unsigned int number, const char *snapshot, db_ready_fn ready,
                    void *arg);

/**
 * Copy what the worker's databases are now, under @name; what had the name before is replaced. Its connections are cut, and it
 * goes on where it was.
 * Return: 0; -ENOENT, -EALREADY, -EINVAL as above; -errno.
 */
int db_worker_snapshot(struct db *db, unsigned int number, const char *name, db_ready_fn ready,
                       void *arg);

/** A worker that was prepared is not gone yet. */
bool db_busy(const struct db *db);

/** Stop and remove what the worker had, in the background; kept if asked. */
void db_worker_end(struct db *db, unsigned int number, bool failed);

/* A role that a private server did not let in, or a database that it does not have. */
struct db_refusal {
	char *name;           /* free() it */
	const char *database; /* the first one that it does have, valid as long as the room */
	uint16_t port;        /* virtual */
	bool role;
};

/** The first that the logs of the run's private servers complain of. Return: false if there is none. */
bool db_find_refusal(const struct db *db, struct db_refusal *ret_refusal);

/** Does anybody listen on this port of loopback? */
bool db_port_answers(uint16_t port);

/** End what is left and free @db when the last child is gone, then call @done (from the loop). db_close(NULL) is fine. */
void db_close(struct db *db, void (*done)(void *arg), void *arg);

#endif
