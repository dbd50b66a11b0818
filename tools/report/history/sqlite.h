/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_SQLITE_H
#define BERTH_REPORT_SQLITE_H
/*
 * SQLite, loaded on demand. Call sqlite_load() first; then the functions of the library are the
 * members of `sqlite`. The functions below return 0 or -errno.
 */
#include <sqlite3.h>

#include "tools/base/library.h"

#define SQLITE(X) \
	X(sqlite3_bind_double) \
	X(sqlite3_bind_int) \
	X(sqlite3_bind_int64) \
	X(sqlite3_bind_text) \
	X(sqlite3_busy_timeout) \
	X(sqlite3_close) \
	X(sqlite3_column_double) \
	X(sqlite3_column_int) \
	X(sqlite3_column_int64) \
	X(sqlite3_column_text) \
	X(sqlite3_exec) \
	X(sqlite3_finalize) \
	X(sqlite3_open_v2) \
	X(sqlite3_prepare_v2) X(sqlite3_step) X(sqlite3_vfs_find) X(sqlite3_vfs_register)
extern struct sqlite {
	SQLITE(LIBRARY_POINTER)
} sqlite;

/** Return: 0; -ELIBACC if the library is missing. */
int sqlite_load(void);

/**
 * Open a database, or create it.
 * @ret_dir	descriptor of its directory, which must stay open as long as the database is; -1 on
 *		failure
 */
int sqlite_open(const char *path, sqlite3 **ret_db, int *ret_dir);

/** Return: the -errno that means the same as a result of SQLite; 0 for OK, DONE and ROW. */
int sqlite_error(int result);

int sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement);
void sqlite_finalize(sqlite3_stmt **statement);
#define cleanup_statement __attribute__((cleanup(sqlite_finalize)))

/** Return: the text of a column, "" for NULL; a new string. */
char *sqlite_text(sqlite3_stmt *statement, int column);

/** Execute statements without values. */
int sqlite_execute(sqlite3 *db, const char *sql);

/** Run @sql once. @types: a letter for each value: 't' text, 'i' int64_t, 'd' double. */
int sqlite_run(sqlite3 *db, const char *sql, const char *types, ...);

#endif
