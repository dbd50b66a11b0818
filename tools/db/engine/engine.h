/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_ENGINE_ENGINE_H
#define BERTH_DB_ENGINE_ENGINE_H
/*
 * A kind of server that a worker can have for itself: what of a private server is not the same for all of them. Each is one
 * file that ends with its table; private.c, template.c and instance.c know no kind by name.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/str.h"
#include "tools/db/engine/programs.h"
#include "tools/db/common/url.h"

/* What answers at one of a worker's database ports. */
struct db_server_spec {
	uint16_t port; /* virtual */
	const struct db_engine *engine;
	char **settings; /* strv of NAME=VALUE, on top of the engine's own; may be NULL */
	/* shell commands of kind `command`; the last two may be NULL */
	char *start, *ready, *stop;
};

/* one running server */
struct instance_params {
	const struct db_programs *programs;
	const struct db_server_spec *spec;
	const char *data; /* its directory */
	const char *socket_dir;
	const char *project_dir, *run_id;
	bool tls;             /* its clients insist: sslmode=require */
	uint16_t port;        /* real, host byte order: 127.0.0.1 and ::1 */
	int64_t idle_kill_ms; /* sessions idle in a transaction end after this; 0 = never */
};

/* What a data directory is filled with. */
struct engine_build {
	const struct db_programs *programs;
	const struct db_server_spec *spec;
	/* of every server; this one has those with the port of its spec */
	const struct db_url *urls;
	unsigned int url_count;
	const char *data; /* the directory, which is not there yet */
};

struct db_engine {
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
	char *(*stamp)(const struct db_programs *programs);
	/** Job, as the server's user: fill the new directory @data. On failure @ret_text says why, for people. */
	int (*build)(const struct engine_build *build, struct str *ret_text);
	/* strv, the caller's; no secret in it */
	char **(*command_line)(const struct instance_params *params);
	char *(*socket_path)(const struct instance_params *params); /* NULL = it has none */
	/** How a kept directory is opened, for a shell. The caller's. */
	char *(*open_command)(const struct db_programs *programs, const struct db_url *url,
	                      const char *data);
};

extern const struct db_engine db_engine_postgres, db_engine_redis, db_engine_mariadb,
	db_engine_command;
extern const struct db_engine *const db_engines[DB_KINDS];

/** Quote for a mode in which a line is a statement: as a string (') whose backslashes are escapes, or as a name. */
void engine_add_quoted(struct str *sql, const char *text, char quote);

/** @command as the server's user runs it, for a shell; the caller's to free. */
char *engine_as_user(const struct db_programs *programs, const char *command);

#endif
