/* SPDX-License-Identifier: MIT */
/*
 * getsockname(2), getpeername(2).
 */
#include "shim/shim.h"

/*
 * A listener that was never bound: here the program learns its number. The other backends of
 * BERTH_MAP_STRICT do the same.
 */
static void record_given(struct berth_portmap *map, int fd, const void *sa)
{
	const struct sockaddr_in *in = sa; /* the port lies where sockaddr_in6 has it */
	int listens = 0;
	socklen_t len = sizeof(listens);

	if ((in->sin_family == AF_INET || in->sin_family == AF_INET6) &&
	    !sys(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) && listens)
		berth_portmap_given(map, ntohs(in->sin_port));
}

socklen_t shim_name_restore(const struct berth_portmap *map, long number, int fd, void *sa,
                            socklen_t space, socklen_t full)
{
	struct sockaddr_storage whole;
	socklen_t len = sizeof(whole);

	if (space >= full || sys(number, fd, &whole, &len, 0, 0) < 0)
		return shim_address_restore(map, sa, space, full);
	len = shim_address_restore(map, &whole, sizeof(whole), len);
	__builtin_memcpy(sa, &whole, space < len ? space : len);
	return len;
}

static socklen_t restore(struct berth_portmap *map, long number, int fd, void *sa, socklen_t space,
                         socklen_t full)
{
	if (number == SYS_getsockname && map->flags & BERTH_MAP_STRICT && space >= full &&
	    full >= sizeof(struct sockaddr_in) && shim_map())
		record_given(map, fd, sa);
	return shim_name_restore(map, number, fd, sa, space, full);
}

#define HOOK_NAME(name) \
	EXPORT int name(int fd, struct sockaddr *restrict sa, socklen_t *restrict len) \
	{ \
		struct berth_portmap *map = shim_attached(); \
		socklen_t space = map ? shim_address_space(sa, len) : 0; \
		int ret; \
\
		ret = shim_next.name ? shim_next.name(fd, sa, len) \
		                     : (int)shim_result(sys(SYS_##name, fd, sa, len, 0, 0)); \
		if (!ret && map) \
			*len = restore(map, SYS_##name, fd, sa, space, *len); \
		return ret; \
	}

HOOK_NAME(getsockname)
HOOK_NAME(getpeername)
