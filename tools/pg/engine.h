/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_ENGINE_H
#define BERTH_PG_ENGINE_H
/*
 * A kind of server that a worker can have for itself: what of a private server is not the same for all of them. Each is one
 * file that ends with its table; private.c, template.c and cluster.c know no kind by name.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/str.h"
#include "tools/pg/server.h"
#include "tools/pg/template.h"
#include "tools/pg/url.h"

/* What answers at one of a worker's database ports. */
struct pg_service {
	uint16_t port; /* virtual */
	const struct pg_engine *engine;
	char **settings; /* strv of NAME=VALUE, on top of the engine's own; may be NULL */
	/* shell commands of kind `command`; the last two may be NULL */
	char *start, *ready, *stop;
};

/* one running server */
struct pg_seat {
	const struct pg_server *server;
	const struct pg_service *service;
	const char *data; /* its directory */
	const char *socket_dir;
	const char *project_dir, *run_id;
	bool tls;             /* its clients insist: sslmode=require */
	uint16_t port;        /* real, host byte order: 127.0.0.1 and ::1 */
	int64_t idle_kill_ms; /* sessions idle in a transaction end after this; 0 = never */
};

struct pg_engine {
	const char *name;       /* as in berth.yaml, and of the log */
	const char *package;    /* Debian's, of the program */
	const char *sockets[3]; /* where clients look for its unix socket; %u is the port */
	/* what a client that only wants to know says first; NULL = the server speaks first, or nobody */
	const char *hello;
	size_t hello_len;
	/* it takes clients; NULL = a connection says so */
	bool (*greets)(const char *reply, size_t len);
	const char *busy; /* its log has this if the port is taken */
	/* its log's last words begin with one of these; NULL = any line */
	const char *fatal[2];
	int stop_clean, stop_now; /* signals; the first leaves a directory that can be cloned */
	/* runs as ourselves, in the project, with our environment; begins with an empty directory */
	bool ours;

	/** What it is made of, for the template's hash; NULL if it is not installed. The caller's. */
	char *(*stamp)(const struct pg_server *server);
	/** Job, as the server's user: fill the new directory @data. On failure @ret_text says why, for people. */
	int (*build)(const struct template_plan *plan, uint16_t port, const char *data,
	             struct str *ret_text);
	/* strv, the caller's; no secret in it */
	char **(*command_line)(const struct pg_seat *seat);
	char *(*socket_path)(const struct pg_seat *seat); /* NULL = it has none */
	/** How a kept directory is opened, for a shell. The caller's. */
	char *(*open_command)(const struct pg_server *server, const struct pg_url *url,
	                      const char *data);
};

extern const struct pg_engine pg_engine_postgres, pg_engine_redis, pg_engine_mariadb,
	pg_engine_command;
extern const struct pg_engine *const pg_engines[PG_KINDS];

/** Quote for a mode in which a line is a statement: as a string (') whose backslashes are escapes, or as a name. */
void engine_add_quoted(struct str *sql, const char *text, char quote);

/** What the project sets on the server at @port; strv, may be NULL. Each has a "=" behind its name. */
char *const *engine_settings(const struct template_plan *plan, uint16_t port);

/** @command as the server's user runs it, for a shell; the caller's to free. */
char *engine_as_user(const struct pg_server *server, const char *command);

#endif
