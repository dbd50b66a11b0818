/* SPDX-License-Identifier: MIT */
/*
 * Any sequence of binds, closes and connects of a worker, of binds of outsiders, and of failures: a
 * bind ends on a free port of the block or with an error, an outsider's port is never used, and a
 * connect reaches a server of the worker or, if it is allowed, the host's. An abstract name that is
 * bound comes back as it was, and an address from the kernel is written within its space only.
 */
#include "core/abstract.c"
#include "core/policy.c"
#include "core/portmap.c"

#include <stdlib.h>
#include <string.h>

enum { BASE = 20000, LEN = 8, PORTS = 16, EPHEMERAL = 40000, SHARED = 6379, DENIED = 13 };

enum holder { FREE, WORKER, OUTSIDER };

static struct berth_portmap map;
static uint8_t kernel[BERTH_PROTOS][BERTH_PORTS]; /* enum holder of each real port */

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static bool in_block(uint16_t port)
{
	return port >= BASE && port < BASE + LEN;
}

static void check_note(const struct berth_decision *decision)
{
	bool error = decision->note == BERTH_NOTE_EXHAUSTED ||
	             decision->note == BERTH_NOTE_REFUSED ||
	             decision->note == BERTH_NOTE_CONFLICT || decision->note == BERTH_NOTE_OUTSIDER;

	expect(!decision->note || error == !!decision->error);
	expect(decision->verdict != BERTH_REFUSE || decision->error);
}

static void fuzz_bind(enum berth_proto proto, uint16_t port, bool denied)
{
	struct berth_decision decision = berth_bind_begin(&map, proto, port);
	int tries = 0;

	check_note(&decision);
	while (decision.verdict == BERTH_USE) {
		uint8_t *holder = &kernel[proto][decision.real_port];

		expect(tries++ <= LEN);
		expect(decision.real_port == port || in_block(decision.real_port));
		expect(berth_portmap_virtual(&map, decision.real_port) == port);
		if (!denied && *holder == FREE) {
			*holder = WORKER;
			berth_portmap_bound(&map, decision.real_port);
			return;
		}
		berth_bind_failed(&map, denied ? DENIED : BERTH_ADDRESS_IN_USE, &decision);
		check_note(&decision);
	}
	expect(decision.verdict == BERTH_REFUSE || in_block(port));
}

static void fuzz_outbound(enum berth_proto proto, uint16_t port)
{
	struct berth_decision decision = berth_outbound(&map, proto, port);
	struct berth_decision bind;

	check_note(&decision);
	expect(decision.verdict != BERTH_REFUSE || map.flags & BERTH_MAP_STRICT);
	if (decision.verdict == BERTH_USE) {
		expect(in_block(decision.real_port));
		expect(berth_portmap_virtual(&map, decision.real_port) == port);
		/*
		 * what was found by its virtual port may be named by its real one: nothing changes
		 */
		bind = berth_outbound(&map, proto, decision.real_port);
		expect(bind.verdict == BERTH_PASS && !bind.note);
	}
	if (decision.note == BERTH_NOTE_FOREIGN && berth_decision_has_note(&map, &decision))
		expect(!berth_decision_has_note(&map, &decision));
}

/* A restored address never goes beyond @space bytes. */
static void fuzz_restore(const uint8_t *data, uint32_t size)
{
	uint8_t sa[BERTH_UNIX_ADDRESS + 2] = { 1 };
	uint32_t space = size ? data[0] % (BERTH_UNIX_ADDRESS + 1) : 0;

	write_prefix(&map, size > 1 ? data[1] : '/', sa + BERTH_ABSTRACT_HEAD);
	if (size > 2)
		memcpy(sa + 16, data + 2, size - 2 < BERTH_UNIX_ADDRESS - 16 ? size - 2 : 94);
	sa[space] = 0xc5;
	expect(berth_abstract_restore(&map, sa, space, size) <= BERTH_UNIX_ADDRESS ||
	       size > BERTH_UNIX_ADDRESS);
	expect(sa[space] == 0xc5);
}

static void fuzz_name(const uint8_t *data, uint32_t size, bool is_bind)
{
	uint8_t sa[BERTH_UNIX_ADDRESS] = { 1 }, mapped[BERTH_UNIX_ADDRESS];
	uint32_t len = BERTH_ABSTRACT_HEAD + (size < 107 ? size : 107), mapped_len = len;
	struct berth_decision decision;

	memcpy(sa + BERTH_ABSTRACT_HEAD, data, len - BERTH_ABSTRACT_HEAD);
	if (!berth_abstract_parse(sa, len))
		return;
	memcpy(mapped, sa, len);
	if (is_bind) {
		uint32_t again = len;

		berth_abstract_bind(&map, sa, &again);
		memcpy(sa, mapped, len);
	}
	decision = berth_abstract_outbound(&map, mapped, &mapped_len);
	expect(!is_bind || decision.verdict == BERTH_USE);
	if (decision.verdict != BERTH_USE) {
		expect(mapped_len == len && !memcmp(sa, mapped, len));
		return;
	}
	expect(mapped_len <= BERTH_UNIX_ADDRESS && !berth_abstract_parse(mapped, mapped_len));
	mapped_len = berth_abstract_restore(&map, mapped, sizeof(mapped), mapped_len);
	expect(mapped_len == len && !memcmp(sa, mapped, len));
}

/* Few numbers, so that they meet: ordinary, in the block, ephemeral, shared. */
static uint16_t port_of(uint8_t kind, uint8_t number)
{
	switch (kind % 5) {
	case 0: return (uint16_t)(BASE + number % (LEN + 2));
	case 1: return (uint16_t)(EPHEMERAL + number % 2);
	case 2: return SHARED;
	default: return (uint16_t)(3000 + number % PORTS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&map, 0, sizeof(map));
	memset(kernel, 0, sizeof(kernel));
	berth_portmap_init(&map, 1, BASE, LEN);
	berth_portmap_share(&map, SHARED);
	for (size_t i = 0; i + 3 <= size; i += 3) {
		enum berth_proto proto = data[i] & 1 ? BERTH_UDP : BERTH_TCP;
		uint16_t port = port_of(data[i + 1], data[i + 2]);
		uint8_t *holder = &kernel[proto][BASE + data[i + 2] % LEN];

		if (data[i] & 0x80) { /* the rest is a name */
			if (data[i] & 0x40)
				fuzz_restore(data + i + 1, (uint32_t)(size - i - 1));
			else
				fuzz_name(data + i + 1, (uint32_t)(size - i - 1), data[i] & 1);
			return 0;
		}
		switch (data[i] >> 1 & 7) {
		case 0:
		case 1: fuzz_bind(proto, port, false); break;
		case 2: fuzz_bind(proto, port, true); break;
		case 3: fuzz_outbound(proto, port); break;
		case 4: berth_portmap_declare(&map, port); break;
		case 5: *holder = *holder == FREE ? OUTSIDER : *holder; break;
		case 6: *holder = FREE; break;
		default: map.flags ^= BERTH_MAP_STRICT;
		}
	}
	return 0;
}
