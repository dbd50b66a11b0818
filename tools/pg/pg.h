/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_H
#define BERTH_PG_H
/*
 * A database of its own for every worker. To the worker a database port is one more virtual port; its real end belongs to
 * this room: the worker's private cluster, or the worker's relay to a shared server.
 *
 *	pg_open()		once, after the options are known; starts making the template
 *	pg_worker_prepare()	before the worker's first process: declares the database ports in its map and adds the unix
 *				socket rules, at once; calls back when clients can connect
 *	pg_worker_end()		when the last process of the worker is gone
 *	pg_close()		after the last worker
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
#include "tools/pg/url.h"

/* in the order of enum run_db_mode */
enum pg_mode { PG_AUTO, PG_PRIVATE, PG_RENAME, PG_OFF, PG_MODES };

enum pg_record_kind {
	PG_RECORD_TEMPLATE, /* found or built: detail "cached" or "built", ms */
	/* a worker's database can be used: detail reflink, overlay, copy or create; ms */
	PG_RECORD_READY,
	PG_RECORD_DIED, /* a server ended by itself: detail is the last line of its log */
	PG_RECORD_KEPT, /* left for inspection: detail is the command that opens it */
	PG_RECORD_REMOVED,
	PG_RECORD_IDLE, /* sessions idle in transaction; ms = the oldest, detail how many */
	PG_RECORD_POOL, /* the server's connections are nearly used up; detail "USED of MOST" */
	/* when the worker ends: detail is the most that it had open at once */
	PG_RECORD_CONNECTIONS,
	/* sessions idle in transaction for ms were ended; detail how many */
	PG_RECORD_IDLE_ENDED,
	/* a statement took ms, or longer; detail is it, without values. At most PG_SLOW_MOST a worker */
	PG_RECORD_SLOW,
	/* databases that the suite had made were there at the worker's end; detail is their names */
	PG_RECORD_LEFT,
	/* rename mode: the server is not asked any more, for a while; detail says why */
	PG_RECORD_BREAKER,
	/* rename mode: it refuses clients one after the other; detail is how many and what it says */
	PG_RECORD_REFUSED,
	/* a session ended with its process, idle in a transaction for ms */
	PG_RECORD_ABANDONED,
	PG_RECORD_KINDS
};

enum { PG_SLOW_MOST = 100 };

struct pg_record {
	enum pg_record_kind kind;
	unsigned int worker;  /* 0 = the setup's */
	const char *database; /* logical name; "" if it concerns all of them */
	const char *physical;
	uint16_t port; /* virtual */
	int64_t ms;    /* how long it took; -1 if that means nothing */
	const char *detail;
};

extern const char *const pg_record_names[PG_RECORD_KINDS]; /* as in events.ndjson */

/* one database that the suite expects, or one server without names */
struct pg_wanted {
	enum pg_kind kind;
	const char *text;      /* name or URL; NULL where the kind needs none */
	uint16_t port;         /* virtual; 0 = of the URL, or the kind's usual one */
	char *const *settings; /* strv of NAME=VALUE, for a private server; may be NULL */
	/* shell commands of PG_KIND_COMMAND; the last two may be NULL */
	const char *start, *ready, *stop;
};

struct pg_setup {
	struct loop *loop;
	const char *run_id;
	/* .env is looked up there; the setup's files are relative to it */
	const char *project_dir;
	/* allocated-databases.json; logs of servers, in runs/ID/ if that is there */
	const char *results_dir;
	const char *run_dir; /* run-time files of this run */
	unsigned int workers;
	const struct pg_wanted *wanted;
	unsigned int wanted_count;
	enum pg_mode mode;   /* of PostgreSQL; every other kind is private */
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
	void (*record)(void *arg, const struct pg_record *record); /* may be NULL */
	/* what a private server needs, so that its own connections (dblink, subscriptions, replication) land in its worker */
	void (*server_environ)(void *arg, unsigned int number, char ***envp); /* may be NULL */
	void *arg;
};

struct pg;

/** @error 0; -errno, and then @text says what failed, for people, without credentials. */
typedef void (*pg_ready_fn)(void *arg, unsigned int number, int error, const char *text);

/**
 * @ret_reason	which mode and why, or what is wrong: a half-sentence for people, the caller's to free
 * Return: 0; -EINVAL a database that is no name and no URL; -ENOENT no server programs for private mode; -ENOTSUP what was
 * asked for cannot work here; -errno.
 */
int pg_open(const struct pg_setup *setup, struct pg **ret_pg, char **ret_reason);

/**
 * How many of what was wanted this room does not provide: in mode PG_RENAME everything that is not PostgreSQL. It wants a
 * private room of its own, without a setup.
 */
unsigned int pg_left_out(const struct pg *pg);

enum pg_mode pg_mode_of(const struct pg *pg); /* never PG_AUTO */

struct pg_pool_wanted {
	unsigned int workers; /* at once */
	unsigned int each;    /* connections that one is expected to open */
	bool seen;            /* that is what earlier runs had; else somebody said so */
};

/**
 * Before anything is made on a shared server: has it enough connections left? Blocking, at most two seconds.
 * @ret_left	for workers, and Berth's own beside theirs; 0 = not known
 * Return: 0, also if it does not say or the room is no shared server's; -EUSERS, *ret_why is the arithmetic, with a hint.
 */
int pg_pool_check(const struct pg *pg, const struct pg_pool_wanted *wanted, unsigned int *ret_left,
                  char **ret_why);

/** @task and @map must live until pg_worker_end(). @ready is called exactly once, never from within this call. */
int pg_worker_prepare(struct pg *pg, unsigned int number, const char *task,
                      struct berth_portmap *map, pg_ready_fn ready, void *arg);

/** Set what the worker's processes need in their environment. */
void pg_worker_environ(const struct pg *pg, char ***envp);

/**
 * Bring the worker's databases back to @snapshot, or to what they began as (NULL). Its connections are cut. @ready as above;
 * after some errors the worker goes on as it was.
 * Return: 0; -ENOENT it has none now; -EALREADY it is being reset; -EINVAL no name of a snapshot; of snapshot_use(); -errno.
 */
int pg_worker_reset(struct pg *pg, unsigned int number, const char *snapshot, pg_ready_fn ready,
                    void *arg);

/**
 * Copy what the worker's databases are now, under @name; what had the name before is replaced. Its connections are cut, and it
 * goes on where it was.
 * Return: 0; -ENOENT, -EALREADY, -EINVAL as above; -errno.
 */
int pg_worker_snapshot(struct pg *pg, unsigned int number, const char *name, pg_ready_fn ready,
                       void *arg);

/** A worker that was prepared is not gone yet. */
bool pg_busy(const struct pg *pg);

/** Stop and remove what the worker had, in the background; kept if asked. */
void pg_worker_end(struct pg *pg, unsigned int number, bool failed);

/* A role that a private server did not let in, or a database that it does not have. */
struct pg_missing {
	char *name;           /* free() it */
	const char *database; /* the first one that it does have, valid as long as the room */
	uint16_t port;        /* virtual */
	bool role;
};

/** The first that the logs of the run's private servers complain of. Return: false if there is none. */
bool pg_missing(const struct pg *pg, struct pg_missing *ret_missing);

/** Does anybody listen on this port of loopback? */
bool pg_port_answers(uint16_t port);

/** End what is left and free @pg when the last child is gone, then call @done (from the loop). pg_close(NULL) is fine. */
void pg_close(struct pg *pg, void (*done)(void *arg), void *arg);

#endif
