/* SPDX-License-Identifier: MIT */
/* A library stays loaded, because OpenSSL registers functions that run at exit. */
#include "tools/base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "tools/base/str.h"

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
	void **pointer = library->pointers, *handle;

	if (library->handle)
		return 0;
	handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return fail(ret_error,
		            str_print("%s cannot be loaded: %s", library->soname, dlerror()));
	for (const char *const *name = library->names; *name; name++, pointer++) {
		*pointer = dlsym(handle, *name);
		if (!*pointer) {
			dlclose(handle);
			return fail(ret_error, str_print("%s has no %s", library->soname, *name));
		}
	}
	library->handle = handle;
	return 0;
}
