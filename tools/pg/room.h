/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_ROOM_H
#define BERTH_PG_ROOM_H
/* What the files of this room share: the room itself, its workers, and what a mode has to be able to do. */
#include "tools/pg/clone.h"
#include "tools/pg/engine.h"
#include "tools/pg/job.h"
#include "tools/pg/pg.h"
#include "tools/pg/server.h"
#include "tools/pg/url.h"

enum { PG_PORTS_MOST = 8 };

struct pg_worker {
	struct pg_worker *next;
	struct pg *pg;
	unsigned int number;
	const char *task;
	struct berth_portmap *map;
	pg_ready_fn ready; /* NULL once called */
	void *ready_arg;
	uint16_t real[PG_PORTS_MOST]; /* by index in pg.ports */
	bool usable;                  /* ready was called with 0 */
	bool ending, failed;
	void *mode_data; /* the mode's own */
	int64_t began_ms;
};

/* One mode of having databases. Everything is asynchronous; worker_gone() is the mode's last word about a worker. */
struct pg_mode_ops {
	const char *name;
	int (*open)(struct pg *pg, char **ret_reason);
	int (*prepare)(struct pg_worker *worker); /* on failure nothing is left */
	int (*reset)(struct pg_worker *worker, const char *snapshot); /* NULL = the template */
	int (*snapshot)(struct pg_worker *worker, const char *name);  /* the name is one */
	void (*end)(struct pg_worker *worker); /* calls pg_worker_gone(), at once or later */
	void (*close)(struct pg *pg);          /* when no worker is left; frees pg->mode_data */
	/* the caller's to free */
	char *(*physical)(const struct pg_worker *worker, unsigned int url);
};

struct pg {
	struct pg_setup setup; /* its strings are copies */
	enum pg_mode mode;
	const struct pg_mode_ops *ops;
	struct pg_url *urls;
	unsigned int url_count;
	uint16_t ports[PG_PORTS_MOST]; /* distinct virtual ports of the URLs */
	unsigned int port_count;
	struct pg_service services[PG_PORTS_MOST]; /* what answers there, by the same index */
	unsigned int left_out;
	struct pg_worker *workers;
	void *mode_data;
	bool closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

extern const struct pg_mode_ops pg_mode_private, pg_mode_rename;

/* Tell the caller, once. @text is for people. */
void pg_worker_answer(struct pg_worker *worker, int error, const char *text);
/* of a reset or snapshot: it goes on as before */
void pg_worker_refuse(struct pg_worker *worker, int error, const char *text);
void pg_worker_gone(struct pg_worker *worker);
void pg_record(const struct pg_worker *worker, enum pg_record_kind kind, uint16_t port, int64_t ms,
               const char *detail);

/** Point the paths at which clients look for the socket of port number @i to @path. Return: 0; -ENOSPC no rule is left. */
int pg_worker_socket_rules(struct pg_worker *worker, unsigned int i, const char *path);

/** The first URL at port number @i: its role and password are its server's. */
const struct pg_url *pg_url_at(const struct pg *pg, unsigned int i);

/** Does anybody listen where the server of @url is? */
bool pg_url_answers(const struct pg_url *url);

/** Where a private server of worker @number logs. The caller's to free. */
char *pg_server_log(const struct pg *pg, unsigned int number, const struct pg_service *service);

/** Write allocated-databases.json: what usable workers have now. */
int pg_allocations_write(const struct pg *pg);

#endif
