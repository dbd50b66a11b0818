/* SPDX-License-Identifier: MIT */
/*
 * SQLite refuses paths of more than 512 bytes. So a file is opened as /proc/self/fd/N/NAME, by a
 * VFS that does not replace that by the real path.
 */
#include "tools/report/history/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

struct sqlite sqlite;

int sqlite_load(void)
{
	static const char *const names[] = { SQLITE(LIBRARY_NAME) NULL };
	static struct library library = { LIBRARY_SQLITE, names, &sqlite, NULL };

	return library_load(&library, NULL) ? -ELIBACC : 0;
}

int sqlite_error(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW: return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_CANTOPEN: return -ENOENT;
	case SQLITE_READONLY:
	case SQLITE_PERM: return -EACCES;
	case SQLITE_FULL: return -ENOSPC;
	default: return -EIO;
	}
}

static int keep_path(sqlite3_vfs *vfs, const char *path, int size, char *ret_path)
{
	(void)vfs;
	return snprintf(ret_path, (size_t)size, "%s", path) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* Return: the name of the VFS that keeps paths as they are; NULL if it cannot be made. */
static const char *own_vfs(void)
{
	static sqlite3_vfs vfs;
	const sqlite3_vfs *usual = vfs.zName ? NULL : sqlite.sqlite3_vfs_find(NULL);

	if (usual) {
		vfs = *usual;
		vfs.zName = "berth";
		vfs.pNext = NULL;
		vfs.xFullPathname = keep_path;
		if (sqlite.sqlite3_vfs_register(&vfs, 0))
			vfs.zName = NULL;
	}
	return vfs.zName;
}

/* Open the directory of @path. Return: its descriptor; -errno. */
static int open_dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *dir = slash ? str_copy_len(path, (size_t)(slash - path) + 1)
	                               : str_copy(".");
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int sqlite_open(const char *path, sqlite3 **ret_db, int *ret_dir)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *file = NULL;
	int dir = open_dir_of(path);

	*ret_dir = dir < 0 ? -1 : dir;
	if (dir < 0)
		return dir;
	file = str_print("/proc/self/fd/%d/%s", dir, slash ? slash + 1 : path);
	return sqlite_error(sqlite.sqlite3_open_v2(
		file, ret_db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, own_vfs()));
}

void sqlite_finalize(sqlite3_stmt **statement)
{
	sqlite.sqlite3_finalize(*statement);
}

int sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement)
{
	return sqlite_error(sqlite.sqlite3_prepare_v2(db, sql, -1, ret_statement, NULL));
}

char *sqlite_text(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite.sqlite3_column_text(statement, column);

	return str_copy(text ? (const char *)text : "");
}

int sqlite_execute(sqlite3 *db, const char *sql)
{
	return sqlite_error(sqlite.sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int sqlite_run(sqlite3 *db, const char *sql, const char *types, ...)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = sqlite_prepare(db, sql, &statement);
	va_list list;

	if (ret)
		return ret;
	va_start(list, types);
	for (int i = 0; types[i]; i++) {
		if (types[i] == 't')
			sqlite.sqlite3_bind_text(statement, i + 1, va_arg(list, const char *), -1,
			                         SQLITE_TRANSIENT);
		else if (types[i] == 'i')
			sqlite.sqlite3_bind_int64(statement, i + 1, va_arg(list, int64_t));
		else
			sqlite.sqlite3_bind_double(statement, i + 1, va_arg(list, double));
	}
	va_end(list);
	return sqlite_error(sqlite.sqlite3_step(statement));
}
