/* SPDX-License-Identifier: MIT */
/*
 * getsockname(2), getpeername(2).
 */
#include "shim/shim.h"

EXPORT int getsockname(int fd, struct sockaddr *restrict sa, socklen_t *restrict len)
{
	struct berth_portmap *map = shim_map();
	socklen_t room = map ? shim_room(sa, len) : 0;
	int ret;

	ret = shim_next.getsockname ? shim_next.getsockname(fd, sa, len)
				    : (int)shim_result(sys(SYS_getsockname, fd, sa, len, 0, 0));
	if (!ret && room)
		shim_give(map, sa, room, *len);
	return ret;
}

EXPORT int getpeername(int fd, struct sockaddr *restrict sa, socklen_t *restrict len)
{
	struct berth_portmap *map = shim_map();
	socklen_t room = map ? shim_room(sa, len) : 0;
	int ret;

	ret = shim_next.getpeername ? shim_next.getpeername(fd, sa, len)
				    : (int)shim_result(sys(SYS_getpeername, fd, sa, len, 0, 0));
	if (!ret && room)
		shim_give(map, sa, room, *len);
	return ret;
}
