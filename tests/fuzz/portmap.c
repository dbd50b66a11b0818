/* SPDX-License-Identifier: MIT */
/* Any sequence of operations on a port map: both directions agree, and no slot has two owners. */
#include "core/portmap.c"

#include <stdlib.h>
#include <string.h>

enum { BASE = 20000, LEN = 8 };

static struct berth_portmap map;

static void check(void)
{
	for (int proto = 0; proto < BERTH_PROTOS; proto++)
		for (uint32_t port = 1; port < BERTH_PORTS; port++) {
			uint16_t real = berth_portmap_real(&map, (enum berth_proto)proto,
			                                   (uint16_t)port);

			if (real && real != port && berth_portmap_virtual(&map, real) != port)
				abort();
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&map, 0, sizeof(map));
	berth_portmap_init(&map, 1, BASE, LEN);
	for (size_t i = 0; i + 4 <= size; i += 4) {
		enum berth_proto proto = data[i] & 1 ? BERTH_UDP : BERTH_TCP;
		/* few numbers, so that they meet: some ordinary, some inside the block */
		uint16_t port = (uint16_t)(data[i + 1] & 1 ? BASE + data[i + 2] % (LEN + 2)
		                                           : 3000 + data[i + 2] % 16);
		uint16_t real = berth_portmap_real(&map, proto, port);
		bool is_new;

		switch (data[i] >> 1 & 7) {
		case 0: berth_portmap_declare(&map, port); break;
		case 1: berth_portmap_claim(&map, proto, port, &is_new); break;
		case 2: berth_portmap_try(&map, real); break;
		case 3: berth_portmap_bound(&map, real); break;
		case 4: berth_portmap_untry(&map, real); break;
		case 5: berth_portmap_move(&map, proto, port, real); break;
		case 6: (void)berth_portmap_is_real(&map, proto, port); break;
		default: berth_portmap_foreign_first(&map, proto, port);
		}
	}
	check();
	return 0;
}
