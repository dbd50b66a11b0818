/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_MAPS_H
#define BERTH_CLI_MAPS_H
/* Port maps of live workers, as a reader sees them. */
#include <jansson.h>

#include "core/portmap.h"
#include "tools/state/state.h"

/**
 * Map a worker's port map read-only.
 * Return: 0; -errno; -EPROTO if it was made by another version of Berth.
 */
int maps_open(const struct state_worker *worker, const struct berth_portmap **ret_map);
void maps_close(const struct berth_portmap *map);

struct maps_port {
	unsigned int virtual_port, real_port;
	enum berth_slot_state state;
	bool learned; /* claimed at a bind, as far as the map's notes still say */
};

/** The ports in use, in the order of their virtual numbers. The caller's to free. Return: how many. */
unsigned int maps_ports(const struct berth_portmap *map, struct maps_port **ret_ports);

/** The same for programs: an array, empty if @map is NULL. */
json_t *maps_json(const struct berth_portmap *map);

/* Texts for people and for JSON: "bound" */
extern const char *const maps_state_names[];

#endif
