/* SPDX-License-Identifier: MIT */
/*
 * A line of /proc/net/tcp, proc(5), and what is read of it:
 *
 *	  12: 0100007F:4E20 00000000:0000 0A 00000000:00000000 ...
 *	      local end     remote end    state
 *
 * An address is 8 or 32 hexadecimal digits; each 8 of them are a word as this machine stores it. A
 * port is 4 digits, the highest first. A port replaces another of the same width, so the line keeps
 * its length.
 */
#include "core/procnet.h"
#include "core/addr.h"

enum { WORD_DIGITS = 8, PORT_DIGITS = 4, STATE_LISTEN = 0x0a }; /* TCP_LISTEN, tcp_states.h */

struct procnet_end {
	struct berth_ip ip;
	uint32_t port;
	char *digits; /* of the port, in the line */
};

struct cursor {
	char *at, *end;
};

/* Return: 0 to 15; 16 if it is not a digit. */
static uint32_t digit(char c)
{
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0');
	return c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10 : 16;
}

static bool number(struct cursor *cursor, unsigned int digits, uint32_t *ret_value)
{
	uint32_t value = 0;

	if (cursor->end - cursor->at < (ptrdiff_t)digits)
		return false;
	for (; digits; digits--, cursor->at++) {
		if (digit(*cursor->at) > 15)
			return false;
		value = value << 4 | digit(*cursor->at);
	}
	*ret_value = value;
	return true;
}

static bool skip(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

/* ADDRESS:PORT and a space */
static bool end_read(struct cursor *cursor, struct procnet_end *ret_end)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct berth_ip ip = { 0 };
	unsigned int words = 0;

	while (words < 4 && !skip(cursor, ':'))
		if (!number(cursor, WORD_DIGITS, &ip.word_be[words++]))
			return false;
	if (words == 4 && !skip(cursor, ':'))
		return false;
	if (words == 1) {
		ip.word_be[3] = ip.word_be[0];
		__builtin_memcpy(ip.word_be, mapped, sizeof(mapped));
	} else if (words != 4) {
		return false;
	}
	*ret_end = (struct procnet_end){ .ip = ip, .digits = cursor->at };
	return number(cursor, PORT_DIGITS, &ret_end->port) && skip(cursor, ' ');
}

static bool is_ephemeral(const struct berth_portmap *map, uint32_t port)
{
	return port >= map->ephemeral_low && port <= map->ephemeral_high;
}

/* True for a real port of the block that the worker has not claimed. */
static bool is_free(const struct berth_portmap *map, uint32_t port)
{
	uint32_t slot = berth_portmap_slot(map, port);

	return slot < BERTH_SLOTS_MAX &&
	       !__atomic_load_n(&map->slots[slot].virtual_port, __ATOMIC_ACQUIRE);
}

/* True if the worker may see @port; *ret_port is the number that it uses. */
static bool judge(const struct berth_portmap *map, enum berth_proto proto, uint16_t port,
                  uint16_t *ret_port)
{
	uint16_t real = berth_portmap_real(map, proto, port),
		 virtual_port = berth_portmap_virtual(map, port);

	*ret_port = port;
	/* shared with the host, or a port of the block that is called as it is */
	if (real == port)
		return true;
	if (virtual_port != port && berth_portmap_real(map, proto, virtual_port) == port) {
		*ret_port = virtual_port;
		return true;
	}
	return !real && !is_free(map, port) && (port < map->range_first || port > map->range_last);
}

static void port_write(const struct procnet_end *end, uint32_t port)
{
	for (unsigned int i = 0; i < PORT_DIGITS; i++)
		end->digits[i] = "0123456789ABCDEF"[port >> (12 - 4 * i) & 15];
}

enum berth_procnet berth_procnet_line(const struct berth_portmap *map, enum berth_proto proto,
                                      char *line, size_t len)
{
	struct cursor cursor = { line, line + len };
	struct procnet_end ends[2];
	uint16_t ports[2];
	uint32_t state;
	bool server;

	while (skip(&cursor, ' '))
		;
	while (cursor.at < cursor.end && *cursor.at >= '0' && *cursor.at <= '9')
		cursor.at++;
	if (!skip(&cursor, ':') || !skip(&cursor, ' ') || !end_read(&cursor, &ends[0]) ||
	    !end_read(&cursor, &ends[1]) || !number(&cursor, 2, &state))
		return BERTH_PROCNET_SHOW;
	server = state == STATE_LISTEN || proto == BERTH_UDP;
	for (int i = 0; i < 2; i++) {
		ports[i] = (uint16_t)ends[i].port;
		if (ports[i] && berth_ip_is_local(map, &ends[i].ip) &&
		    !judge(map, proto, ports[i], &ports[i]))
			return server && is_free(map, ends[0].port) ? BERTH_PROCNET_EARLY
			                                            : BERTH_PROCNET_HIDE;
	}
	if (map->flags & BERTH_MAP_STRICT && server && ports[0] == ends[0].port &&
	    !berth_portmap_real(map, proto, ports[0]) && !is_ephemeral(map, ports[0]))
		return BERTH_PROCNET_HIDE;
	for (int i = 0; i < 2; i++)
		port_write(&ends[i], ports[i]);
	return BERTH_PROCNET_SHOW;
}
