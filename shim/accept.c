/* SPDX-License-Identifier: MIT */
/* accept(2), accept4(2). Descriptor 0 is a success, too; accept(fd, NULL, NULL) is common. */
#include "shim/shim.h"

EXPORT int accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct berth_portmap *map = shim_attached();
	socklen_t space = map ? shim_address_space(sa, len) : 0;
	int ret;

	ret = shim_next.accept ? shim_next.accept(fd, sa, len)
	                       : (int)shim_result(sys(SYS_accept, fd, sa, len, 0, 0));
	if (ret >= 0 && map && sa)
		*len = shim_name_restore(map, SYS_getpeername, ret, sa, space, *len);
	return ret;
}

EXPORT int accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	struct berth_portmap *map = shim_attached();
	socklen_t space = map ? shim_address_space(sa, len) : 0;
	int ret;

	ret = shim_next.accept4 ? shim_next.accept4(fd, sa, len, flags)
	                        : (int)shim_result(sys(SYS_accept4, fd, sa, len, flags, 0));
	if (ret >= 0 && map && sa)
		*len = shim_name_restore(map, SYS_getpeername, ret, sa, space, *len);
	return ret;
}
