/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_SERVERS_H
#define BERTH_CLI_SERVERS_H
/* The PostgreSQL servers that the settings name, and the databases that Berth owns on them. */
#include "tools/db/rename/owned.h"
#include "tools/run/options.h"

/** Return: true for a PostgreSQL database that has a name or a URL. */
bool servers_is_postgres(const struct run_database *database);

/**
 * The URLs or names of the PostgreSQL databases in the settings, else DATABASE_URL.
 * Return: a new strv; NULL if there are none.
 */
char **servers_databases(const struct run_options *options);

struct server_view {
	char *database; /* a name or a URL, as tools/db/rename/owned.h takes it */
	int error;      /* of owned_read(): -ENOTCONN if no server answers */
	char *why;
	struct owned_list owned;
};

/** Query each server once. Return: the number of servers. */
size_t servers_look(const struct run_options *options, struct server_view **ret_views);
void servers_free(struct server_view *views, size_t count);

/** "live", "dead", "kept", "template" */
const char *servers_state(const struct owned_database *owned);

#endif
