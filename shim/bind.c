/* SPDX-License-Identifier: MIT */
/*
 * bind(2), bindresvport(3).
 *
 * Inside a worker the kernel's own rules must hold. So the kernel binds the real port, and the
 * caller gets its answer, with one exception: if the port policy knows that EADDRINUSE is an
 * outsider's doing, the next real port is tried (core/portmap.c). An abstract name needs no such
 * search: no outsider has the worker's.
 */
#include "shim/shim.h"

_Static_assert(BERTH_ADDRESS_IN_USE == EADDRINUSE && BERTH_CONNECTION_REFUSED == ECONNREFUSED,
               "core/policy.h names the errno values of this machine");

static int next_bind(int fd, const void *sa, socklen_t len)
{
	if (!shim_next.bind)
		return (int)shim_result(sys(SYS_bind, fd, sa, len, 0, 0));
	return shim_next.bind(fd, sa, len);
}

/* A bind that needs no real port. For port 0, record the number that the kernel has chosen. */
static int bind_other(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct berth_portmap *map = shim_map();
	struct sockaddr_in6 name = { 0 };
	socklen_t len_out = sizeof(name);
	struct shim_copy copy;
	int ret;

	if (shim_attached() && shim_unix_copy(sa, len, &copy)) {
		if (berth_abstract_parse(copy.bytes, copy.len))
			berth_abstract_bind(shim_attached(), copy.bytes, &copy.len);
		return next_bind(fd, copy.bytes, copy.len);
	}
	ret = next_bind(fd, sa, len);
	/* @sa can be read: the kernel has read it */
	if (ret || !map || len < sizeof(struct sockaddr_in) ||
	    ((const struct sockaddr_in *)sa)->sin_port)
		return ret;
	if (!sys(SYS_getsockname, fd, &name, &len_out, 0, 0) &&
	    (name.sin6_family == AF_INET || name.sin6_family == AF_INET6))
		berth_portmap_given(map, ntohs(name.sin6_port));
	return ret;
}

/* Carry out the port policy's verdict, as often as bind(2) says that an outsider has the port. */
static int bind_as_decided(struct berth_portmap *map, int fd, struct shim_copy *copy,
                           struct berth_decision decision)
{
	int saved = errno;

	shim_note_decision(map, &decision, &copy->addr.ip);
	while (decision.verdict == BERTH_USE) {
		int proto = decision.proto;

		berth_addr_set_port(copy->bytes, decision.real_port);
		if (!next_bind(fd, copy->bytes, copy->len)) {
			berth_portmap_bound(map, decision.real_port);
			errno = saved;
			return 0;
		}
		/* only now must it be the socket's own, see shim_proto_for() */
		if (errno == EADDRINUSE)
			proto = shim_proto(fd);
		if (proto < 0) {
			berth_portmap_untry(map, decision.real_port);
			return -1;
		}
		decision.proto = (uint8_t)proto;
		berth_bind_failed(map, errno, &decision);
		shim_note_decision(map, &decision, &copy->addr.ip);
	}
	if (decision.verdict == BERTH_PASS)
		return next_bind(fd, copy->bytes, copy->len);
	errno = decision.error;
	return -1;
}

EXPORT int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct berth_portmap *map = shim_map();
	struct shim_copy copy;
	int proto;

	if (!map || !shim_address_copy(map, sa, len, BERTH_ADDR_UNSPEC_IS_INET, &copy))
		return bind_other(fd, sa, len);
	proto = shim_proto_for(map, fd, copy.addr.port);
	if (proto < 0)
		return next_bind(fd, copy.bytes, copy.len);
	return bind_as_decided(map, fd, &copy,
	                       berth_bind_begin(map, (enum berth_proto)proto, copy.addr.port));
}

/* glibc's bindresvport(3) calls bind(2) from inside, past every hook; this one calls bind(). */
EXPORT int bindresvport(int fd, struct sockaddr_in *sin)
{
	enum { FIRST = 600, LAST = 1023 };
	struct sockaddr_in any = { .sin_family = AF_INET };
	unsigned int start = (unsigned int)sys(SYS_getpid, 0, 0, 0, 0, 0);

	if (!sin) {
		sin = &any;
	} else if (sin->sin_family != AF_INET) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	for (unsigned int i = 0; i <= LAST - FIRST; i++) {
		sin->sin_port = htons((uint16_t)(FIRST + (start + i) % (LAST - FIRST + 1)));
		if (!bind(fd, (struct sockaddr *)sin, sizeof(*sin)))
			return 0;
		if (errno != EADDRINUSE)
			return -1;
	}
	return -1;
}
