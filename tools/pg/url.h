/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_URL_H
#define BERTH_PG_URL_H
/* Database URLs: postgresql://role:password@host:port/name?sslmode=require, percent-encoded. */
#include <stdbool.h>
#include <stdint.h>

/* In the order of enum run_database_kind. */
enum pg_kind { PG_KIND_POSTGRES, PG_KIND_REDIS, PG_KIND_MARIADB, PG_KIND_COMMAND, PG_KINDS };

struct pg_url {
	enum pg_kind kind;
	/* password may be NULL; host may be a socket directory */
	char *role, *password, *host, *name;
	uint16_t port;
	/* ?server=HOST:PORT: the shared server is there and not where the suite looks for it; NULL */
	char *server_host;
	uint16_t server_port;
	bool tls; /* sslmode=require, verify-ca or verify-full */
};

/**
 * @text	a URL, or a bare name that takes the rest from @default_url (NULL: role and name alike, localhost:5432)
 * Return: 0; -EINVAL not a PostgreSQL URL and not a name. On failure *ret_url holds nothing.
 */
int pg_url_parse(const char *text, const char *default_url, struct pg_url *ret_url);

/**
 * The same for any kind: redis://:password@host:port/0, mysql://role:password@host:port/name.
 * @text	NULL = all is as usual for the kind; PG_KIND_COMMAND knows nothing else
 */
int pg_url_parse_kind(enum pg_kind kind, const char *text, const char *default_url,
                      struct pg_url *ret_url);
void pg_url_free(struct pg_url *url);

/** Where the server is: the host, or the directory of its socket. */
const char *pg_url_server(const struct pg_url *url, uint16_t *ret_port);
/* "mes_user@localhost:5432"; the caller's to free */
char *pg_url_where(const struct pg_url *url);
const char *pg_url_sslmode(const struct pg_url *url); /* of our own connections */

/** True if the host is this machine: a socket directory, localhost, 127/8, ::1. */
bool pg_url_local(const struct pg_url *url);

uint16_t pg_url_usual_port(enum pg_kind kind); /* 0: PG_KIND_COMMAND, the last, has none */
/* what to say to --db where a server has its usual port; NULL: none has this one */
const char *pg_url_example(uint16_t port);

/** DATABASE_URL from the environment, else from @project_dir/.env. Return: the caller's to free; NULL if there is none. */
char *pg_url_default(const char *project_dir);

#endif
