/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_HEALTH_H
#define BERTH_DB_HEALTH_H
/*
 * What the database room depends on, tried: for `berth doctor`. Nothing is left behind; functions return 0 or -errno and
 * print nothing. Texts are half-sentences without credentials, the caller's to free.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/db/common/libpq.h"

struct db_health_private {
	char *bin, *user; /* the programs that were used, and who ran them */
	int64_t ms;
};

/** Make a data directory and ask it something, as the user who would run a worker's. Return: 0; -errno and *ret_why. */
int db_health_private(struct db_health_private *ret_result, char **ret_why);
void db_health_private_free(struct db_health_private *result);

struct db_health_server {
	char *where, *role;   /* "mes_user@localhost:5432" */
	bool local;           /* the host is this machine */
	bool answers;         /* somebody listens there */
	bool connected;       /* what follows is known */
	unsigned int version; /* server_version_num */
	struct libpq_pool pool;
	bool may_create; /* the role may create databases */
};

/**
 * Look at the server that @database (a name or a URL) means, without a retry.
 * Return: 0, also if nobody answers; -EINVAL not a name and not a URL; -ECONNREFUSED it answers, but not to this role;
 * -errno; *ret_why on failure. @ret_server holds what is known in each case.
 */
int db_health_server(const char *database, const char *project_dir,
                     struct db_health_server *ret_server, char **ret_why);
void db_health_server_free(struct db_health_server *server);

#endif
