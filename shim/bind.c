/* SPDX-License-Identifier: MIT */
/*
 * bind(2), bindresvport(3).
 *
 * Inside a worker the kernel's own rules must hold, so the kernel is asked about the real port and its answer is given
 * to the caller, with one exception: if EADDRINUSE is provably an outsider's doing, the virtual port moves to the next
 * slot and nobody is the wiser (core/portmap.c, "Is EADDRINUSE ours?").
 */
#include "shim/shim.h"

static int next_bind(int fd, const void *sa, socklen_t len)
{
	if (!shim_next.bind)
		return (int)shim_result(sys(SYS_bind, fd, sa, len, 0, 0));
	return shim_next.bind(fd, sa, len);
}

/* A bind that needs no rewriting. To port 0: the number that the kernel chose is the worker's by that name from now on. */
static int bind_as_is(struct berth_portmap *map, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in6 name = { 0 };
	socklen_t room = sizeof(name);
	int ret = next_bind(fd, sa, len);

	/* the kernel has read as much of it, or would have said so */
	if (ret || !map || len < sizeof(struct sockaddr_in) ||
	    ((const struct sockaddr_in *)sa)->sin_port)
		return ret;
	if (!sys(SYS_getsockname, fd, &name, &room, 0, 0) &&
	    (name.sin6_family == AF_INET || name.sin6_family == AF_INET6))
		berth_portmap_given(map, ntohs(name.sin6_port));
	return ret;
}

/* The kernel said EADDRINUSE. Return: the next real port to try, 0 if the answer stands. */
static uint16_t moved(struct berth_portmap *map, int fd, uint16_t port, uint16_t real)
{
	int proto = shim_proto(fd);
	uint16_t next = proto < 0 ? 0
	                          : berth_portmap_move(map, (enum berth_proto)proto, port, real);

	shim_note(map, next ? BERTH_NOTE_OUTSIDER : BERTH_NOTE_CONFLICT, proto, port, real,
	          EADDRINUSE, NULL);
	return next;
}

static int bind_real(struct berth_portmap *map, int fd, struct shim_copy *copy, uint16_t real)
{
	uint16_t port = copy->addr.port;
	int saved = errno;

	while (real) {
		berth_addr_set_port(copy->bytes, real);
		berth_portmap_try(map, real);
		if (!next_bind(fd, copy->bytes, copy->len)) {
			berth_portmap_bound(map, real);
			errno = saved;
			return 0;
		}
		if (errno != EADDRINUSE) {
			berth_portmap_untry(map, real);
			return -1;
		}
		real = moved(map, fd, port, real);
	}
	errno = EADDRINUSE;
	return -1;
}

/* A port that the two protocols do not share, or that the worker does not have yet. */
static int bind_claim(struct berth_portmap *map, int fd, struct shim_copy *copy)
{
	uint16_t port = copy->addr.port, real;
	enum berth_proto proto = (enum berth_proto)shim_proto(fd);
	bool is_new = false;

	if ((int)proto < 0 || berth_portmap_is_real(map, proto, port))
		return next_bind(fd, copy->bytes, copy->len);
	real = berth_portmap_claim(map, proto, port, &is_new);
	if (!real)
		shim_note(map, BERTH_NOTE_EXHAUSTED, proto, port, 0, EADDRINUSE, NULL);
	if (real == port && !is_new && !berth_portmap_real(map, proto, port))
		shim_note(map, BERTH_NOTE_UNMAPPED, proto, port, port, 0, NULL);
	if (is_new)
		shim_note(map, BERTH_NOTE_LEARNED, proto, port, real, 0, NULL);
	return bind_real(map, fd, copy, real);
}

EXPORT int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct berth_portmap *map = shim_map();
	struct shim_copy copy;
	uint16_t real;

	if (!map || !shim_address_copy(map, sa, len, BERTH_ADDR_UNSPEC_IS_INET, &copy))
		return bind_as_is(map, fd, sa, len);
	real = berth_portmap_real(map, BERTH_TCP, copy.addr.port);
	if (real && real == berth_portmap_real(map, BERTH_UDP, copy.addr.port))
		return bind_real(map, fd, &copy, real);
	return bind_claim(map, fd, &copy);
}

/* glibc's own calls bind(2) from inside, past every hook; this is bindresvport(3) over bind() above. */
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
