/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_LIBRARY_H
#define BERTH_BASE_LIBRARY_H
/*
 * Loads a library when it is first needed. OpenSSL, libpq, libdw and sqlite take longer to load
 * than `berth run -- true` takes, and most runs need none of them. A module lists the functions
 * that it calls:
 *
 *	#define SQLITE(X) X(sqlite3_open_v2) X(sqlite3_close)
 *	extern struct sqlite { SQLITE(LIBRARY_POINTER) } sqlite;
 *
 *	static const char *const names[] = { SQLITE(LIBRARY_NAME) NULL };
 *	static struct library library = { "libsqlite3.so.0", names, &sqlite };
 *
 *	ret = library_load(&library, &error);
 *	sqlite.sqlite3_close(database);
 */
#define LIBRARY_POINTER(function) __typeof__(function) *function;
#define LIBRARY_NAME(function)    #function,

struct library {
	const char *soname;
	const char *const *names; /* of the functions; NULL-terminated */
	void *pointers;           /* a struct of LIBRARY_POINTERs in the same order */
	void *handle;             /* NULL before it is loaded */
};

/**
 * @ret_error	why it failed, the caller's to free; may be NULL
 * Return: 0, also if it was loaded before; -ENOENT.
 */
int library_load(struct library *library, char **ret_error);

#endif
