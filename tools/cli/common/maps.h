/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_MAPS_H
#define BERTH_CLI_MAPS_H
/* Reads the port maps of live workers. */
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
	bool learned; /* claimed at a bind; unknown (false) once its note is overwritten */
	/* a socket on the real port receives what is sent to it; true if that cannot be known */
	bool listening;
	bool tcp; /* one of them is a TCP socket; false if that cannot be known */
};

enum { MAPS_TCP = 1, MAPS_UDP = 2 };
/**
 * Find the ports of this host on which a socket listens: TCP that listens, UDP that is not
 * connected. @ret_listening: BERTH_PORTS sums of these flags, the caller's to free.
 * Return: 0; -errno.
 */
int maps_listeners(uint8_t **ret_listening);

/** List the ports in use by virtual port; free() *ret_ports. Return: their number. */
unsigned int maps_ports(const struct berth_portmap *map, struct maps_port **ret_ports);

/** The same as a JSON array; empty if @map is NULL. */
json_t *maps_json(const struct berth_portmap *map);

/* by enum berth_slot_state, for text and JSON: "bound" */
extern const char *const maps_state_names[];

#endif
