/* SPDX-License-Identifier: MIT */
/*
 * dlopen(3), dlmopen(3): without RTLD_DEEPBIND. A library that is loaded with it binds connect() to
 * libc's, past every preload (PHP before 8.5 loads its extensions so; sanitizers break on it as
 * well).
 *
 * Both hooks end in a tail call, so that the loader sees the true caller's address, from which it
 * takes RUNPATH and $ORIGIN. tests/shim/dlopen_runpath.c fails if the compiler makes no tail call.
 */
#include "shim/shim.h"

static int without_deepbind(int mode)
{
	struct berth_portmap *map = shim_attached();

	if (!shim_map() && map && !map->unix_rules[0].from[0])
		return mode; /* the kernel rewrites its calls; only its view of /proc/net is lost */
	if (map && mode & RTLD_DEEPBIND)
		shim_note(map, &(struct berth_note){ .kind = BERTH_NOTE_DEEPBIND });
	return map ? mode & ~RTLD_DEEPBIND : mode;
}

EXPORT void *dlopen(const char *file, int mode)
{
	if (mode & RTLD_DEEPBIND)
		mode = without_deepbind(mode);
	return SHIM_NEXT(dlopen)(file, mode);
}

EXPORT void *dlmopen(long space, const char *file, int mode)
{
	if (mode & RTLD_DEEPBIND)
		mode = without_deepbind(mode);
	return SHIM_NEXT(dlmopen)(space, file, mode);
}
