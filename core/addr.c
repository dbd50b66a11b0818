/* SPDX-License-Identifier: MIT */
/*
 * Address classification, on bytes: no alignment is assumed and no libc type is used, so that the
 * same code reads a program's sockaddr, a copy of a stopped program's memory, and a fuzzer's input.
 *
 *	sockaddr_in	family:2 port:2 addr:4 zero:8			16 bytes
 *	sockaddr_in6	family:2 port:2 flowinfo:4 addr:16 scope:4	28 bytes
 *			the kernel takes 24 of it (SIN6_LEN_RFC2133)
 */
#include "core/addr.h"

enum { FAMILY_UNSPEC = 0, FAMILY_INET = 2, FAMILY_INET6 = 10 }; /* Linux, every architecture */
enum { LEN_INET = 16, LEN_INET6 = 24 };

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE32(x) __builtin_bswap32(x)
#else
#define BE32(x) (x)
#endif

static uint32_t load32(const uint8_t *byte)
{
	uint32_t word;

	__builtin_memcpy(&word, byte, sizeof(word));
	return word;
}

static bool is_mapped(const struct berth_ip *ip)
{
	return !ip->word_be[0] && !ip->word_be[1] && ip->word_be[2] == BE32(0x0000ffffu);
}

static bool ip_equal(const struct berth_ip *a, const struct berth_ip *b)
{
	return a->word_be[0] == b->word_be[0] && a->word_be[1] == b->word_be[1] &&
	       a->word_be[2] == b->word_be[2] && a->word_be[3] == b->word_be[3];
}

struct search_ip {
	const struct berth_portmap *map;
	const struct berth_ip *ip;
	bool found;
};

static long search_ip_step(uint32_t i, void *arg)
{
	struct search_ip *search = arg;

	if (i >= BERTH_ADDRS_MAX || !ip_equal(&search->map->addrs[i], search->ip))
		return i >= BERTH_ADDRS_MAX;
	search->found = true;
	return 1;
}

/* Never inlined: most addresses are decided before, and in a BPF program it takes stack space. */
static __attribute__((noinline)) bool is_of_host(const struct berth_portmap *map,
                                                 const struct berth_ip *ip)
{
	struct search_ip search = { .map = map, .ip = ip };

	berth_loop(map->addr_count, search_ip_step, &search);
	return search.found;
}

bool berth_ip_is_group(const struct berth_ip *ip)
{
	if (is_mapped(ip))
		return (ip->word_be[3] & BE32(0xf0000000u)) == BE32(0xe0000000u) ||
		       ip->word_be[3] == 0xffffffffu;
	return (ip->word_be[0] & BE32(0xff000000u)) == BE32(0xff000000u);
}

bool berth_ip_is_local(const struct berth_portmap *map, const struct berth_ip *ip)
{
	if (berth_ip_is_group(ip))
		return true;
	if (is_mapped(ip) &&
	    (!ip->word_be[3] || (ip->word_be[3] & BE32(0xff000000u)) == BE32(0x7f000000u)))
		return true; /* 0.0.0.0, 127/8 */
	if (!ip->word_be[0] && !ip->word_be[1] && !ip->word_be[2] &&
	    (!ip->word_be[3] || ip->word_be[3] == BE32(1u)))
		return true; /* ::, ::1 */
	return is_of_host(map, ip);
}

bool berth_addr_parse(const struct berth_portmap *map, const void *sa, uint32_t len,
                      enum berth_addr_use use, struct berth_addr *ret_addr)
{
	const uint8_t *byte = sa;
	struct berth_addr addr = { 0 };

	if (!sa || len < LEN_INET)
		return false;
	__builtin_memcpy(&addr.family, byte, sizeof(addr.family));
	addr.port = (uint16_t)(byte[2] << 8 | byte[3]);
	if (!addr.port)
		return false;
	if (addr.family == FAMILY_INET ||
	    (addr.family == FAMILY_UNSPEC && use == BERTH_ADDR_UNSPEC_IS_INET)) {
		addr.ip.word_be[2] = BE32(0x0000ffffu);
		addr.ip.word_be[3] = load32(byte + 4);
	} else if (addr.family == FAMILY_INET6 && len >= LEN_INET6) {
		for (int i = 0; i < 4; i++)
			addr.ip.word_be[i] = load32(byte + 8 + 4 * i);
	} else {
		return false;
	}
	*ret_addr = addr;
	return berth_ip_is_local(map, &addr.ip);
}
