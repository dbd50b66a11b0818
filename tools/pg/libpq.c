/* SPDX-License-Identifier: MIT */
/* By the name that its ABI has had since PostgreSQL 8.2. */
#include "tools/pg/libpq.h"

struct libpq libpq;

int libpq_load(char **ret_error)
{
	static const char *const names[] = { LIBPQ(LIBRARY_NAME) NULL };
	static struct library library = { "libpq.so.5", names, &libpq, NULL };

	return library_load(&library, ret_error);
}
