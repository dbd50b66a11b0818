/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_SERVERS_H
#define BERTH_CLI_SERVERS_H
/* Which PostgreSQL servers the settings speak of, and what of Berth's is on them. */
#include "tools/db/rename/owned.h"
#include "tools/run/options.h"

/** True if it is a PostgreSQL database with a name or a URL. */
bool servers_is_postgres(const struct run_database *database);

/** Their URLs or names; without a PostgreSQL database in the settings, DATABASE_URL. A new strv, NULL = none. */
char **servers_databases(const struct run_options *options);

struct server_view {
	char *database; /* a name or a URL: what the functions of tools/db/rename/owned.h want */
	int error;      /* of owned_read(): -ENOTCONN if nobody answers */
	char *why;
	struct owned_list owned;
};

/** Ask each server once. Return: how many. */
size_t servers_look(const struct run_options *options, struct server_view **ret_views);
void servers_free(struct server_view *views, size_t count);

/** "live", "dead", "kept", "template" */
const char *servers_state(const struct owned_database *owned);

#endif
