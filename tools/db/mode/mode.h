/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_MODE_MODE_H
#define BERTH_DB_MODE_MODE_H
/*
 * What a mode of having databases implements, what it is given, and what it answers. The front
 * (tools/db/db.c) owns struct db and its workers, and calls the mode through struct db_mode_ops.
 * Everything runs on the loop.
 */
#include "core/portmap.h"
#include "tools/db/common/url.h"
#include "tools/db/engine/engine.h"
#include "tools/db/mode/config.h"

enum { DB_PORTS_MAX = 8 };

struct db_worker {
	struct db_worker *next;
	struct db *db;
	unsigned int number; /* 0 = the one in which the setup command runs */
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

struct db_mode_ops {
	int (*open)(struct db *db, char **ret_reason);
	int (*prepare)(struct db_worker *worker); /* on failure it leaves nothing behind */
	int (*reset)(struct db_worker *worker, const char *snapshot); /* NULL = the template */
	int (*snapshot)(struct db_worker *worker, const char *name);  /* a valid name */
	void (*end)(struct db_worker *worker); /* db_worker_gone() follows, at once or later */
	void (*close)(struct db *db);          /* when no worker is left; frees db->mode_data */
	/* name of the database of URL number @url on the server; the caller's to free */
	char *(*physical)(const struct db_worker *worker, unsigned int url);
};

struct db {
	struct db_config config; /* its strings are copies; entries are in urls and specs */
	enum db_mode mode;
	const struct db_mode_ops *ops; /* NULL if the mode is off */
	struct db_url *urls;
	unsigned int url_count;
	uint16_t ports[DB_PORTS_MAX]; /* distinct virtual ports of the URLs */
	unsigned int port_count;
	struct db_server_spec specs[DB_PORTS_MAX]; /* of the servers at ports, by the same index */
	unsigned int skipped;
	unsigned int template_files; /* that the template's key covers */
	struct db_worker *workers;
	struct db_import *import; /* of private/import.c; NULL = nothing is imported */
	void *mode_data;
	void (*worker_gone)(struct db *db); /* the front's; called after a worker was freed */
	bool closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

/** Answer what the run asked for the worker, if it still waits. @text as of db_ready_fn. */
void db_worker_answer(struct db_worker *worker, int error, const char *text);

/** The same for a reset or snapshot that failed and left the databases as they were. */
void db_worker_refuse(struct db_worker *worker, int error, const char *text);

/** The mode has nothing left of @worker: free it. */
void db_worker_gone(struct db_worker *worker);

/** @port, @ms, @detail as of struct db_record. */
void db_record(const struct db_worker *worker, enum db_record_kind kind, uint16_t port, int64_t ms,
               const char *detail);

/**
 * Lead clients that look for the Unix socket of port number @i to @path.
 * Return: 0; -ENOSPC the map holds no more rules; -ENAMETOOLONG.
 */
int db_worker_socket_rules(struct db_worker *worker, unsigned int i, const char *path);

/** The first URL at port number @i: its role and password are those of the server. */
const struct db_url *db_url_at(const struct db *db, unsigned int i);

/** The log of a private server of worker @number. The caller's to free. */
char *db_server_log(const struct db *db, unsigned int number, const struct db_server_spec *spec);

/** Write allocated-databases.json: what usable workers have now. Return: 0; -errno. */
int db_allocations_write(const struct db *db);

#endif
