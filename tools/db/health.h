/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_HEALTH_H
#define BERTH_DB_HEALTH_H
/*
 * Tries what the database module depends on, for `berth doctor`. Leaves nothing behind. Functions
 * return 0 or -errno and print nothing. Texts are half-sentences without credentials, the caller's
 * to free.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/db/common/libpq.h"

struct db_health_private {
	char *bin, *user; /* directory of the programs, and the user who ran them */
	int64_t ms;
};

/**
 * Make a data directory and ask it something, as the user who would run a worker's servers. Return:
 * 0; -errno and *ret_why.
 */
int db_health_private(struct db_health_private *ret_result, char **ret_why);
void db_health_private_free(struct db_health_private *result);

struct db_health_server {
	char *where, *role;   /* "mes_user@localhost:5432" */
	bool local;           /* the host is this machine */
	bool answers;         /* a program listens there */
	bool connected;       /* what follows is known */
	unsigned int version; /* server_version_num */
	struct libpq_pool pool;
	bool may_create; /* the role may create databases */
};

/**
 * Look once at the server of @database, a name or a URL.
 * Return: 0, also if no server answers; -EINVAL not a name and not a URL; -ECONNREFUSED it answers,
 * but not to this role; -errno; *ret_why on failure. @ret_server holds what is known in each case.
 */
int db_health_server(const char *database, const char *project_dir,
                     struct db_health_server *ret_server, char **ret_why);
void db_health_server_free(struct db_health_server *server);

#endif
