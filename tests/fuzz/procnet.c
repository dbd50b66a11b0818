/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a line of /proc/net/tcp: looking at it stays in bounds, and changes digits of ports
 * or nothing.
 */
#include "core/addr.c"

#include "core/portmap.c"

#include "core/procnet.c"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct berth_portmap map;
	char *exact = malloc(size ? size : 1); /* so that a read beyond the end is seen */
	size_t changed = 0;

	if (!map.magic) {
		berth_portmap_init(&map, 1, 20000, 32);
		map.range_first = 20000;
		map.range_last = 29999;
		berth_portmap_declare(&map, 3101);
	}
	memcpy(exact, data, size);
	if (berth_procnet_line(&map, size % 2 ? BERTH_TCP : BERTH_UDP, exact, size) !=
	    BERTH_PROCNET_SHOW)
		memcpy(exact, data, size);
	for (size_t i = 0; i < size; i++) {
		changed += exact[i] != (char)data[i];
		if (exact[i] != (char)data[i] && digit(exact[i]) > 15)
			abort();
	}
	if (changed > 2 * PORT_DIGITS)
		abort();
	free(exact);
	return 0;
}
