/* SPDX-License-Identifier: MIT */
/*
 * dlopen(3), dlmopen(3): without RTLD_DEEPBIND. A library that is loaded with it binds connect() to
 * libc's, past every preload (PHP before 8.5 loads its extensions so; sanitizers break on it as
 * well).
 *
 * dlsym(3): who asks libc itself for connect() (ctypes, JNA, Fiddle) gets the hook.
 *
 * The hooks end in a tail call, so that the loader sees the true caller's address, from which it
 * takes RUNPATH, $ORIGIN and what is next. tests/shim/dlopen_runpath.c and by_handle.c fail if the
 * compiler makes no tail call.
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

#define HOOK_NEXT(name) extern __typeof__(*shim_next.name) name;
#define HOOK_OVER(name)
#define CALL(name, class, entry, calls, action) HOOK_##calls(name)
#include "core/calls.def"
#undef HOOK_NEXT

/* Return: the hook, if @found is the function that it calls next; else @found. */
static void *hook_of(void *found)
{
#define HOOK_NEXT(name) \
	if (found && (uintptr_t)found == (uintptr_t)shim_next.name) \
		return (void *)(uintptr_t)name;
#define CALL(name, class, entry, calls, action) HOOK_##calls(name)
#include "core/calls.def"
	return found;
}

EXPORT void *dlsym(void *restrict handle, const char *restrict name)
{
	if (handle == RTLD_NEXT || handle == RTLD_DEFAULT || !shim_attached())
		return SHIM_NEXT(dlsym)(handle, name);
	return hook_of(SHIM_NEXT(dlsym)(handle, name));
}
