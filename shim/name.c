/* SPDX-License-Identifier: MIT */
/*
 * getsockname(2), getpeername(2).
 */
#include "shim/shim.h"

/* The name did not fit the caller's buffer: ask again for all of it, and cut that off as the kernel did. */
static void give_cut(const struct berth_portmap *map, long number, int fd, void *sa, socklen_t room)
{
	struct sockaddr_storage whole;
	socklen_t len = sizeof(whole);

	if (sys(number, fd, &whole, &len, 0, 0) < 0)
		return;
	shim_address_restore(map, &whole, sizeof(whole), len);
	__builtin_memcpy(sa, &whole, room);
}

static void give(const struct berth_portmap *map, long number, int fd, void *sa, socklen_t room,
                 socklen_t full)
{
	if (room < full)
		give_cut(map, number, fd, sa, room);
	else
		shim_address_restore(map, sa, room, full);
}

EXPORT int getsockname(int fd, struct sockaddr *restrict sa, socklen_t *restrict len)
{
	struct berth_portmap *map = shim_map();
	socklen_t room = map ? shim_address_space(sa, len) : 0;
	int ret;

	ret = shim_next.getsockname ? shim_next.getsockname(fd, sa, len)
	                            : (int)shim_result(sys(SYS_getsockname, fd, sa, len, 0, 0));
	if (!ret && room)
		give(map, SYS_getsockname, fd, sa, room, *len);
	return ret;
}

EXPORT int getpeername(int fd, struct sockaddr *restrict sa, socklen_t *restrict len)
{
	struct berth_portmap *map = shim_map();
	socklen_t room = map ? shim_address_space(sa, len) : 0;
	int ret;

	ret = shim_next.getpeername ? shim_next.getpeername(fd, sa, len)
	                            : (int)shim_result(sys(SYS_getpeername, fd, sa, len, 0, 0));
	if (!ret && room)
		give(map, SYS_getpeername, fd, sa, room, *len);
	return ret;
}
