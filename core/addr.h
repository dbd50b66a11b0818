/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_ADDR_H
#define BERTH_CORE_ADDR_H
/*
 * Which addresses are local, and how a port is written into one.
 *
 * Local are IPv4 and IPv6 loopback (127/8, ::1), the wildcards (0.0.0.0, ::), their v4-mapped
 * forms, and the host's own addresses. No other address is rewritten, on the way in or out: a
 * remote host may use a port number that lies in the worker's block. Multicast groups and the
 * limited broadcast address count as local, because the port finds the members of a group: a worker
 * that has bound the port listens on its real one, and reaches itself there.
 */
#include "core/portmap.h"

/* sizeof(struct sockaddr_in6): the longest address that is ever rewritten */
#define BERTH_SOCKADDR_MAX 28u

/* An address that may be rewritten, as berth_addr_parse() found it. */
struct berth_addr {
	struct berth_ip ip; /* v4 in its v4-mapped form */
	uint16_t port;      /* host byte order; never 0 */
	uint16_t family;    /* AF_INET, AF_INET6, or AF_UNSPEC where the caller allowed it */
};

enum berth_addr_use {
	BERTH_ADDR_PLAIN, /* connect, and all addresses from the kernel */
	/* bind and sendto: Linux takes AF_UNSPEC for AF_INET (inet_bind, udp_sendmsg) */
	BERTH_ADDR_UNSPEC_IS_INET,
};

/** True if @ip, in IPv6 or v4-mapped form, is loopback, a wildcard, a group or the host's own. */
bool berth_ip_is_local(const struct berth_portmap *map, const struct berth_ip *ip);

/** True if @ip is a multicast group or limited broadcast: 224/4, 255.255.255.255, ff00::/8. */
bool berth_ip_is_group(const struct berth_ip *ip);

/**
 * Look at a socket address as the kernel would.
 * @sa		readable for @len bytes; need not be aligned
 * @len		bytes; a short address is not parsed: the kernel will refuse it
 * Return: true and *ret_addr if it is IPv4 or IPv6, local, and has a port other than 0.
 */
bool berth_addr_parse(const struct berth_portmap *map, const void *sa, uint32_t len,
                      enum berth_addr_use use, struct berth_addr *ret_addr);

/** Write @port (host byte order) into the IPv4 or IPv6 address @sa; 4 bytes must be writable. */
static inline void berth_addr_set_port(void *sa, uint16_t port)
{
	/* sin_port and sin6_port lie at the same offset, ip(7), ipv6(7) */
	uint8_t *byte = (uint8_t *)sa + 2;

	byte[0] = (uint8_t)(port >> 8);
	byte[1] = (uint8_t)port;
}

#endif
