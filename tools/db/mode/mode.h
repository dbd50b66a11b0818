/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_MODE_MODE_H
#define BERTH_DB_MODE_MODE_H
/* What the files of this room share: the room itself, its workers, and what a mode has to be able to do. */
#include "tools/db/common/clone.h"
#include "tools/db/engine/engine.h"
#include "tools/process/job.h"
#include "tools/db/db.h"
#include "tools/db/engine/programs.h"
#include "tools/db/common/url.h"

enum { DB_PORTS_MAX = 8 };

struct db_worker {
	struct db_worker *next;
	struct db *db;
	unsigned int number;
	const char *task;
	struct berth_portmap *map;
	db_ready_fn ready; /* NULL once called */
	void *ready_arg;
	uint16_t real[DB_PORTS_MAX]; /* by index in db.ports */
	bool usable;                 /* ready was called with 0 */
	bool ending, failed;
	void *mode_data; /* the mode's own */
	int64_t began_ms;
};

/* One mode of having databases. Everything is asynchronous; worker_gone() is the mode's last word about a worker. */
struct db_mode_ops {
	const char *name;
	int (*open)(struct db *db, char **ret_reason);
	int (*prepare)(struct db_worker *worker); /* on failure nothing is left */
	int (*reset)(struct db_worker *worker, const char *snapshot); /* NULL = the template */
	int (*snapshot)(struct db_worker *worker, const char *name);  /* the name is one */
	void (*end)(struct db_worker *worker); /* calls db_worker_gone(), at once or later */
	void (*close)(struct db *db);          /* when no worker is left; frees db->mode_data */
	/* the caller's to free */
	char *(*physical)(const struct db_worker *worker, unsigned int url);
};

struct db {
	struct db_config setup; /* its strings are copies */
	enum db_mode mode;
	const struct db_mode_ops *ops;
	struct db_url *urls;
	unsigned int url_count;
	uint16_t ports[DB_PORTS_MAX]; /* distinct virtual ports of the URLs */
	unsigned int port_count;
	struct db_server_spec specs[DB_PORTS_MAX]; /* what answers there, by the same index */
	unsigned int skipped;
	struct db_worker *workers;
	void *mode_data;
	bool closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

extern const struct db_mode_ops db_mode_private, db_mode_rename;

/* Tell the caller, once. @text is for people. */
void db_worker_answer(struct db_worker *worker, int error, const char *text);
/* of a reset or snapshot: it goes on as before */
void db_worker_refuse(struct db_worker *worker, int error, const char *text);
void db_worker_gone(struct db_worker *worker);
void db_record(const struct db_worker *worker, enum db_record_kind kind, uint16_t port, int64_t ms,
               const char *detail);

/** Point the paths at which clients look for the socket of port number @i to @path. Return: 0; -ENOSPC no rule is left. */
int db_worker_socket_rules(struct db_worker *worker, unsigned int i, const char *path);

/** The first URL at port number @i: its role and password are its server's. */
const struct db_url *db_url_at(const struct db *db, unsigned int i);

/** Does anybody listen where the server of @url is? */
bool db_url_answers(const struct db_url *url);

/** Where a private server of worker @number logs. The caller's to free. */
char *db_programs_log(const struct db *db, unsigned int number, const struct db_server_spec *spec);

/** Write allocated-databases.json: what usable workers have now. */
int db_allocations_write(const struct db *db);

#endif
