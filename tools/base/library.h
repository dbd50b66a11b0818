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
 *	static struct library library = { LIBRARY_SQLITE, names, &sqlite, NULL };
 *
 *	ret = library_load(&library, &error);
 *	sqlite.sqlite3_close(database);
 */
#include <stdbool.h>

#define LIBRARY_POINTER(function) __typeof__(function) *function;
#define LIBRARY_NAME(function)    #function,

enum library_name {
	LIBRARY_LIBPQ,
	LIBRARY_SSL,
	LIBRARY_CRYPTO,
	LIBRARY_SQLITE,
	LIBRARY_LIBDW,
	LIBRARIES,
};

struct library_facts {
	const char *soname;
	const char *lost; /* without it there is no ... */
};
extern const struct library_facts library_facts[LIBRARIES];

struct library {
	enum library_name name;
	const char *const *names; /* of the functions; NULL-terminated */
	void *pointers;           /* a struct of LIBRARY_POINTERs in the same order */
	void *handle;             /* NULL before it is loaded */
};

/**
 * @ret_error	why it failed, the caller's to free; may be NULL
 * Return: 0, also if it was loaded before; -ENOENT.
 */
int library_load(struct library *library, char **ret_error);

/** Return: whether the loader finds it. */
bool library_there(enum library_name name);

#endif
