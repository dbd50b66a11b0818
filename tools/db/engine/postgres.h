/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_ENGINE_POSTGRES_H
#define BERTH_DB_ENGINE_POSTGRES_H
/* Programs of PostgreSQL that run without a server; blocking. Return: as child_exec(). */
#include "tools/db/engine/engine.h"

/** Make the data directory @data. */
int postgres_initdb(const struct db_programs *programs, const char *data, const char *locale,
                    struct str *ret_output);

/** Run @sql in single-user mode, where each line is a statement. */
int postgres_single(const struct db_programs *programs, const char *data, const char *sql,
                    struct str *ret_output);

/**
 * In a job, as the servers' user: fill the new directory of @build with build->dump. Return: 0;
 * -errno, and the reason in @ret_text.
 */
int postgres_restore(const struct engine_build *build, struct str *ret_text);

#endif
