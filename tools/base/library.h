/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_LIBRARY_H
#define BERTH_BASE_LIBRARY_H
/*
 * Libraries that are loaded when they are first needed. OpenSSL, libpq, libdw and sqlite take longer to load than
 * `berth run -- true` takes to run, and most runs need none of them. A room lists the functions that it calls, once:
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
	const char *const *names; /* of the functions; ends with NULL */
	void *pointers;           /* to them, in this order: a struct of LIBRARY_POINTERs */
	void *handle;             /* NULL until it is loaded */
};

/**
 * @ret_error	why not, a half-sentence, the caller's to free; NULL: nobody asks
 * Return: 0, also if it is loaded already; -ENOENT.
 */
int library_load(struct library *library, char **ret_error);

#endif
