/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a socket address: parsing stays in bounds, and a rewritten port comes back as it
 * went in.
 */
#include "core/addr.c"

#include "core/portmap.c"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct berth_portmap map;
	uint8_t *exact = malloc(size ? size : 1); /* so that a read beyond the end is seen */
	struct berth_addr addr, again;

	if (!map.magic)
		berth_portmap_init(&map, 1, 20000, 32);
	memcpy(exact, data, size);
	for (int use = BERTH_ADDR_PLAIN; use <= BERTH_ADDR_UNSPEC_IS_INET; use++) {
		if (!berth_addr_parse(&map, exact, (uint32_t)size, (enum berth_addr_use)use, &addr))
			continue;
		berth_addr_set_port(exact, (uint16_t)(addr.port ^ 1 ? addr.port ^ 1 : 2));
		if (!berth_addr_parse(&map, exact, (uint32_t)size, (enum berth_addr_use)use,
		                      &again) ||
		    memcmp(&addr.ip, &again.ip, sizeof(addr.ip)) || again.family != addr.family)
			abort();
		berth_addr_set_port(exact, addr.port);
		if (memcmp(exact, data, size))
			abort();
	}
	free(exact);
	return 0;
}
