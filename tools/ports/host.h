/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PORTS_HOST_H
#define BERTH_PORTS_HOST_H
/* Facts about the host, read once for each run and copied into every port map. */
#include "core/portmap.h"

struct ports_host {
	unsigned int ephemeral_low, ephemeral_high; /* ip_local_port_range, inclusive */
	unsigned int addr_count;
	struct berth_ip addrs[BERTH_ADDRS_MAX];
};

struct ports;

void ports_host_read(struct ports_host *host);
const struct ports_host *ports_host_of(const struct ports *ports);

#endif
