/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_DATABASE_ROLE_H
#define BERTH_RUN_DATABASE_ROLE_H
/* Which rights the role of a database has on a private server. */
#include "tools/db/mode/config.h"
#include "tools/run/options.h"

/**
 * As `role` of berth.yaml says, else as the project's files show.
 * @ret_role	the name of the role; the caller's to free, as *ret_why
 * @ret_why	a half-sentence; neither is set if @database is no PostgreSQL database
 * Return: the role is a superuser.
 */
bool role_is_superuser(const struct run_options *options, const struct run_database *database,
                       char **ret_role, char **ret_why);

/**
 * The databases as tools/db wants them. The texts are those of @options.
 * @private	only what a provider in rename mode has left out
 * Return: the caller's to free.
 */
struct db_entry *database_entries(const struct run_options *options, bool private,
                                  unsigned int *ret_count);

#endif
