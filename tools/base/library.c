/* SPDX-License-Identifier: MIT */
/* A library stays loaded, because OpenSSL registers functions that run at exit. */
#include "tools/base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "tools/base/str.h"

/* clang-format off */
const struct library_facts library_facts[LIBRARIES] = {
	[LIBRARY_LIBPQ] = { "libpq.so.5", "rename mode (databases on a shared PostgreSQL server)" },
	[LIBRARY_SSL] = { "libssl.so.3", "TLS to database servers" },
	[LIBRARY_CRYPTO] = { "libcrypto.so.3", "databases" },
	[LIBRARY_SQLITE] = { "libsqlite3.so.0", "history of runs (trends, longest task first)" },
	[LIBRARY_LIBDW] = { "libdw.so.1", "function names in stacks" },
};
/* clang-format on */

static int fail(char **ret_error, char *error)
{
	if (ret_error)
		*ret_error = error;
	else
		free(error);
	return -ENOENT;
}

int library_load(struct library *library, char **ret_error)
{
	const char *soname = library_facts[library->name].soname;
	void **pointer = library->pointers, *handle;

	if (library->handle)
		return 0;
	handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return fail(ret_error, str_print("%s cannot be loaded: %s", soname, dlerror()));
	for (const char *const *name = library->names; *name; name++, pointer++) {
		*pointer = dlsym(handle, *name);
		if (!*pointer) {
			dlclose(handle);
			return fail(ret_error, str_print("%s has no %s", soname, *name));
		}
	}
	library->handle = handle;
	return 0;
}

bool library_there(enum library_name name)
{
	return dlopen(library_facts[name].soname, RTLD_LAZY | RTLD_LOCAL) != NULL;
}
