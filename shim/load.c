/* SPDX-License-Identifier: MIT */
/*
 * dlopen(3), dlmopen(3): without RTLD_DEEPBIND. A library that is loaded with it binds connect() straight to libc, past
 * every preload (PHP before 8.5 loads its extensions so; sanitizers break on it as well).
 *
 * Both hooks end in a tail call, so that the loader sees the true caller's address, from which it takes RUNPATH and
 * $ORIGIN. tests/shim/dlopen_runpath.c fails if the compiler ever stops doing so.
 */
#include "shim/shim.h"

static int without_deepbind(int mode)
{
	struct berth_portmap *map = shim_attached();

	if (!shim_map() && map && !map->unix_rules[0].from[0])
		return mode; /* the kernel sees its calls: only /proc/net would show it other ports */
	if (map && mode & RTLD_DEEPBIND)
		shim_note(map, BERTH_NOTE_DEEPBIND, -1, 0, 0, 0, NULL);
	return map ? mode & ~RTLD_DEEPBIND : mode;
}

/* A constructor that ran before ours has called: the one place where a name is resolved late. */
static void *late(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

EXPORT void *dlopen(const char *file, int mode)
{
	void *(*next)(const char *, int) = shim_next.dlopen;

	if (mode & RTLD_DEEPBIND)
		mode = without_deepbind(mode);
	if (__builtin_expect(!next, 0)) {
		void *found = late("dlopen");

		__builtin_memcpy(&next, &found, sizeof(next));
	}
	return next(file, mode);
}

EXPORT void *dlmopen(long space, const char *file, int mode)
{
	void *(*next)(long, const char *, int) = shim_next.dlmopen;

	if (mode & RTLD_DEEPBIND)
		mode = without_deepbind(mode);
	if (__builtin_expect(!next, 0)) {
		void *found = late("dlmopen");

		__builtin_memcpy(&next, &found, sizeof(next));
	}
	return next(space, file, mode);
}
