/* SPDX-License-Identifier: MIT */
/*
 * Other processes write the map while we read it. So each field is read once, and checked before it
 * is used as an index.
 */
#include "tools/cli/common/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/str.h"

const char *const maps_state_names[] = {
	[BERTH_SLOT_UNTRIED] = "not bound yet",     [BERTH_SLOT_TRYING] = "being bound",
	[BERTH_SLOT_CONTENDED] = "being bound",     [BERTH_SLOT_BOUND] = "bound",
	[BERTH_SLOT_LOST] = "taken by an outsider",
};

int maps_open(const struct state_worker *worker, const struct berth_portmap **ret_map)
{
	cleanup_close int fd = worker->map_path ? open(worker->map_path, O_RDONLY | O_CLOEXEC) : -1;
	const struct berth_portmap *map;
	struct stat info;

	if (fd < 0)
		return worker->map_path ? -errno : -ENOENT;
	if (fstat(fd, &info))
		return -errno;
	if ((size_t)info.st_size < sizeof(*map))
		return -EPROTO;
	map = mmap(NULL, sizeof(*map), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	if (!berth_portmap_valid(map)) {
		maps_close(map);
		return -EPROTO;
	}
	*ret_map = map;
	return 0;
}

void maps_close(const struct berth_portmap *map)
{
	if (map)
		munmap((void *)(uintptr_t)map, sizeof(*map));
}

static int by_virtual(const void *a, const void *b)
{
	const struct maps_port *left = a, *right = b;

	return (int)left->virtual_port - (int)right->virtual_port;
}

static bool learned(const struct berth_portmap *map, unsigned int virtual_port)
{
	uint32_t next = __atomic_load_n(&map->note_next, __ATOMIC_ACQUIRE);
	struct berth_note note;

	for (uint32_t ticket = next > BERTH_NOTES_MAX ? next - BERTH_NOTES_MAX : 0; ticket < next;
	     ticket++)
		if (berth_portmap_read_note(map, ticket, &note) &&
		    note.kind == BERTH_NOTE_LEARNED && note.virtual_port == virtual_port)
			return true;
	return false;
}

static void mark_listener(void *arg, const struct diag_socket *socket)
{
	uint8_t *listening = arg;

	if (diag_state_listens(socket))
		listening[socket->local_port] |= socket->proto == BERTH_TCP ? MAPS_TCP : MAPS_UDP;
}

int maps_listeners(uint8_t **ret_listening)
{
	static const struct diag_filter filter = { .states = 1u << DIAG_LISTEN | 1u << DIAG_CLOSE };
	cleanup_free uint8_t *listening = mem_alloc(BERTH_PORTS);
	int ret = diag_each(-1, &filter, mark_listener, listening);

	if (!ret)
		*ret_listening = steal(&listening);
	return ret;
}

/* A map keeps every port that was ever bound. A verb asks once, for all workers. */
static const uint8_t *listeners(void)
{
	static uint8_t *listening;
	static int error;

	if (!listening && !error)
		error = maps_listeners(&listening);
	return listening;
}

unsigned int maps_ports(const struct berth_portmap *map, struct maps_port **ret_ports)
{
	uint32_t len = berth_portmap_slots(map);
	const uint8_t *open = listeners();
	unsigned int count = 0;

	*ret_ports = mem_alloc(len * sizeof(**ret_ports));
	for (uint32_t i = 0; i < len; i++) {
		uint32_t virtual_port = __atomic_load_n(&map->slots[i].virtual_port,
		                                        __ATOMIC_ACQUIRE);
		uint32_t state = __atomic_load_n(&map->slots[i].state, __ATOMIC_ACQUIRE);
		unsigned int real = map->block_base + i;

		if (!virtual_port || virtual_port >= BERTH_PORTS || state > BERTH_SLOT_LOST)
			continue;
		(*ret_ports)[count++] = (struct maps_port){ .virtual_port = virtual_port,
			                                    .real_port = real,
			                                    .state = (enum berth_slot_state)state,
			                                    .learned = learned(map, virtual_port),
			                                    .listening = !open || open[real],
			                                    .tcp = open && open[real] & MAPS_TCP };
	}
	qsort(*ret_ports, count, sizeof(**ret_ports), by_virtual);
	return count;
}

json_t *maps_json(const struct berth_portmap *map)
{
	cleanup_free struct maps_port *ports = NULL;
	unsigned int count = map ? maps_ports(map, &ports) : 0;
	json_t *array = json_array();

	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:i, s:i, s:s, s:b, s:b}", "virtual",
		                                       (int)ports[i].virtual_port, "real",
		                                       (int)ports[i].real_port, "state",
		                                       maps_state_names[ports[i].state], "learned",
		                                       (int)ports[i].learned, "listening",
		                                       (int)ports[i].listening));
	return array;
}
