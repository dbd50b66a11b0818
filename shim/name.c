/* SPDX-License-Identifier: MIT */
/*
 * getsockname(2), getpeername(2).
 */
#include "shim/shim.h"

/*
 * The address did not fit the caller's buffer: ask for all of it, and cut it off as the kernel did.
 */
static void restore_cut(const struct berth_portmap *map, long number, int fd, void *sa,
                        socklen_t space)
{
	struct sockaddr_storage whole;
	socklen_t len = sizeof(whole);

	if (sys(number, fd, &whole, &len, 0, 0) < 0)
		return;
	shim_address_restore(map, &whole, sizeof(whole), len);
	__builtin_memcpy(sa, &whole, space);
}

static void restore(const struct berth_portmap *map, long number, int fd, void *sa, socklen_t space,
                    socklen_t full)
{
	if (space < full)
		restore_cut(map, number, fd, sa, space);
	else
		shim_address_restore(map, sa, space, full);
}

#define HOOK_NAME(name) \
	EXPORT int name(int fd, struct sockaddr *restrict sa, socklen_t *restrict len) \
	{ \
		struct berth_portmap *map = shim_map(); \
		socklen_t space = map ? shim_address_space(sa, len) : 0; \
		int ret; \
\
		ret = shim_next.name ? shim_next.name(fd, sa, len) \
		                     : (int)shim_result(sys(SYS_##name, fd, sa, len, 0, 0)); \
		if (!ret && space) \
			restore(map, SYS_##name, fd, sa, space, *len); \
		return ret; \
	}

HOOK_NAME(getsockname)
HOOK_NAME(getpeername)
