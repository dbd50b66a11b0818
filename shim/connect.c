/* SPDX-License-Identifier: MIT */
/*
 * connect(2), and __connect, the alias that some libraries are linked to.
 */
#include "shim/shim.h"

static int next_connect(int fd, const void *sa, socklen_t len)
{
	if (!shim_next.connect)
		return (int)shim_result(sys(SYS_connect, fd, sa, len, 0, 0));
	return shim_next.connect(fd, sa, len);
}

EXPORT int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct berth_portmap *map = shim_attached();
	struct shim_copy copy;
	int ret;

	if (!map)
		return next_connect(fd, sa, len);
	switch (shim_address_outbound(map, fd, sa, len, BERTH_ADDR_PLAIN, &copy)) {
	case BERTH_USE: return next_connect(fd, copy.bytes, copy.len);
	case BERTH_REFUSE: return shim_refuse(map, &copy);
	case BERTH_PASS: break;
	}
	ret = next_connect(fd, sa, len);
	if (!ret || errno == EINPROGRESS)
		shim_note_outbound(map, &copy);
	return ret;
}

int __connect(int fd, const struct sockaddr *sa, socklen_t len);

EXPORT int __connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	return connect(fd, sa, len);
}
