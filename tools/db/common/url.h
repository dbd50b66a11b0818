/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_URL_H
#define BERTH_DB_URL_H
/* Database URLs: postgresql://role:password@host:port/name?sslmode=require, percent-encoded. */
#include <stdbool.h>
#include <stdint.h>

#include "core/databases.h"

/* By enum db_kind, db_mode and db_role; a NULL follows. */
extern const char *const db_kind_names[DB_KINDS + 1], *const db_mode_names[DB_MODES + 1],
							      *const db_role_names[DB_ROLES + 1];

/* The beginnings of URLs; the last entry has a NULL. */
extern const struct db_url_scheme {
	const char *text;
	enum db_kind kind;
} db_url_schemes[];

struct db_url {
	enum db_kind kind;
	/* password may be NULL; host may be a socket directory */
	char *role, *password, *host, *name;
	uint16_t port;
	/*
	 * ?server=HOST:PORT: the shared server is there, and not where the suite looks for it; NULL
	 * = none
	 */
	char *server_host;
	uint16_t server_port;
	bool superuser; /* the role is one on a private server; not in the text */
	bool tls;       /* sslmode=require, verify-ca or verify-full */
};

/**
 * @text	a PostgreSQL URL, or a bare name that takes the rest from @default_url (NULL: the
 * role is as the name, the server is localhost:5432)
 * Return: 0; -EINVAL neither. On failure *ret_url is not changed.
 */
int db_url_parse(const char *text, const char *default_url, struct db_url *ret_url);

/**
 * The same for any kind: redis://:password@host:port/0, mysql://role:password@host:port/name.
 * @text	NULL = all is as usual for the kind; must be NULL for DB_KIND_COMMAND
 */
int db_url_parse_kind(enum db_kind kind, const char *text, const char *default_url,
                      struct db_url *ret_url);
void db_url_free(struct db_url *url);

/** Find the kind by the scheme of @url. Return: 0; -EINVAL no URL of a database. */
int db_url_kind(const char *url, enum db_kind *ret_kind);

/** Where the server is: the host, or the directory of its socket. */
const char *db_url_server(const struct db_url *url, uint16_t *ret_port);
/* "mes_user@localhost:5432"; the caller's to free */
char *db_url_where(const struct db_url *url);
const char *db_url_sslmode(const struct db_url *url); /* of our own connections */

/** Return: the host is this machine: a socket directory, localhost, 127/8, ::1. */
bool db_url_local(const struct db_url *url);

uint16_t db_url_usual_port(enum db_kind kind); /* 0 for DB_KIND_COMMAND, the last */
/* A value for --db, for a server whose usual port is @port; NULL = there is none. */
const char *db_url_example(uint16_t port);

/**
 * Return: DATABASE_URL from the environment, else from @project_dir/.env, the caller's to free;
 * NULL if there is none.
 */
char *db_url_default(const char *project_dir);

#endif
