/* SPDX-License-Identifier: MIT */
/* dlopen(3) of libpq, by the name that its ABI has had since PostgreSQL 8.2. */
#define LIBPQ_OWN_NAMES
#include "tools/pg/libpq.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "tools/base/str.h"

struct libpq libpq;

static bool find(void *library, const char *name, void *ret_function)
{
	void *found = dlsym(library, name);

	memcpy(ret_function, &found, sizeof(found)); /* dlsym(3): POSIX asks that this works */
	return found;
}

int libpq_load(char **ret_error)
{
	static void *library;

	if (library)
		return 0;
	library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		*ret_error = str_print("libpq cannot be loaded: %s", dlerror());
		return -ENOENT;
	}
#define LIBPQ_FIND(name)                                                              \
	if (!find(library, #name, &libpq.name##_)) {                                  \
		*ret_error = str_print("libpq has no " #name);                        \
		library = NULL;                                                       \
		return -ENOENT;                                                       \
	}
	LIBPQ(LIBPQ_FIND)
	return 0;
}
