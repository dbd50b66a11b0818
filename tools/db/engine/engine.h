/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_ENGINE_ENGINE_H
#define BERTH_DB_ENGINE_ENGINE_H
/*
 * An engine is the code for one kind of private server. Each is one file that ends with its struct
 * db_engine; engines.c has the table of all. Other code asks the struct and, with few exceptions
 * for PostgreSQL, knows no kind by name.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/str.h"
#include "tools/db/engine/programs.h"
#include "tools/db/common/url.h"

/* Which server a worker has at one of its database ports. */
struct db_server_spec {
	uint16_t port; /* virtual */
	const struct db_engine *engine;
	char **settings; /* strv of NAME=VALUE, on top of the engine's own; may be NULL */
	/* shell commands of kind `command`; the last two may be NULL */
	char *start, *ready, *stop;
};

/* What an instance is started with. */
struct instance_params {
	const struct db_programs *programs;
	const struct db_server_spec *spec;
	const char *data; /* directory */
	const char *socket_dir;
	const char *project_dir, *run_id;
	bool tls;             /* a URL says sslmode=require or stricter */
	uint16_t port;        /* real, host byte order: 127.0.0.1 and ::1 */
	int64_t idle_kill_ms; /* the server ends sessions idle in a transaction; 0 = never */
};

/*
 * What private/import.c has read from the user's server. In SQL of it \1 separates statements, and
 * \2 is a newline.
 */
struct engine_import {
	char *roles;                                    /* SQL */
	const struct engine_import_database *databases; /* by index in the URLs */
};

struct engine_import_database {
	char *create;     /* SQL, with the properties of the database; NULL = it does not exist */
	char *extensions; /* SQL that creates them */
	pid_t dump;       /* pg_dump of its contents, which runs; 0 = none */
	int dump_out, dump_error; /* what it writes: a pipe, and a file in memory */
};

/* What a data directory is filled with. */
struct engine_build {
	const struct db_programs *programs;
	const struct db_server_spec *spec;
	/* of every server; this one has those with the port of its spec */
	const struct db_url *urls;
	unsigned int url_count;
	const char *data; /* the directory, which is not there yet */
	/* PostgreSQL: what is imported into this server; NULL = nothing */
	const struct engine_import *import;
	const char *socket_dir; /* for a server that restores it */
	enum db_role role;      /* of the URLs; AUTO = as imported */
};

struct db_engine {
	const char *name;       /* as in berth.yaml, and in the name of the log */
	const char *package;    /* of Debian, with the program */
	const char *sockets[3]; /* where clients look for its Unix socket; %u is the port */
	/* what the probe sends first; NULL = nothing */
	const char *hello;
	size_t hello_len;
	/* Return: the reply says that clients can connect. NULL = an open connection is enough. */
	bool (*is_ready)(const char *reply, size_t len);
	const char *busy;     /* in its log if another program holds the port */
	const char *fatal[2]; /* in the line of its log that says why it ended; NULL = any line */
	int stop_clean;       /* signal; leaves a directory that can be cloned */
	int stop_now;         /* signal */
	/* a program of the project: runs as the user of the run, with its environment */
	bool of_project;

	/**
	 * What a template of it depends on, for the hash; NULL if it is not installed. The caller's
	 * to free.
	 */
	char *(*stamp)(const struct db_programs *programs);
	/**
	 * In a job, as the server's user: make and fill the directory. On failure @ret_text says
	 * why, for people.
	 */
	int (*build)(const struct engine_build *build, struct str *ret_text);
	/* strv, the caller's to free; without secrets */
	char **(*command_line)(const struct instance_params *params);
	char *(*socket_path)(const struct instance_params *params); /* NULL = it has none */
	/** A shell command that starts a server on a kept directory. The caller's to free. */
	char *(*open_command)(const struct db_programs *programs, const struct db_url *url,
	                      const char *data);
};

extern const struct db_engine db_engine_postgres, db_engine_redis, db_engine_mariadb,
	db_engine_command;
extern const struct db_engine *const db_engines[DB_KINDS];

/**
 * Quote for a mode in which a line is a statement: @quote is ' for a string with escapes, else that
 * of a name.
 */
void engine_add_quoted(struct str *sql, const char *text, char quote);

/** A shell command that runs @command as the server's user. The caller's to free. */
char *engine_as_user(const struct db_programs *programs, const char *command);

#endif
