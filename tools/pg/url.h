/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_URL_H
#define BERTH_PG_URL_H
/* Database URLs: postgresql://role:password@host:port/name?sslmode=require, percent-encoded. */
#include <stdbool.h>
#include <stdint.h>

struct pg_url {
	char *role, *password, *host, *name; /* password may be NULL; host may be a socket directory */
	uint16_t port;
	bool tls;	/* sslmode=require, verify-ca or verify-full */
};

/**
 * @text	a URL, or a bare name that takes the rest from @default_url (NULL: role and name alike, localhost:5432)
 * Return: 0; -EINVAL not a PostgreSQL URL and not a name. On failure *ret_url holds nothing.
 */
int pg_url_parse(const char *text, const char *default_url, struct pg_url *ret_url);
void pg_url_free(struct pg_url *url);

/** True if the host is this machine: a socket directory, localhost, 127/8, ::1. */
bool pg_url_local(const struct pg_url *url);

/** DATABASE_URL from the environment, else from @project_dir/.env. Return: the caller's to free; NULL if there is none. */
char *pg_url_default(const char *project_dir);

#endif
