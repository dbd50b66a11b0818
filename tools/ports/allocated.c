/* SPDX-License-Identifier: MIT */
/*
 * Read, merge and replace, under a lock on a file beside it, because rename(2) replaces the file
 * itself. Readers need no lock: they always see a whole file.
 */
#include "tools/ports/allocated.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/json.h"
#include "tools/base/str.h"

enum { LOCK_MAX_MS = 2000, LOCK_EVERY_MS = 2 };

/* Open and lock @path. flock(2) has no timeout, so it is repeated. */
static int lock_file(const char *path)
{
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	int64_t due_ms = clock_ms() + LOCK_MAX_MS;

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_ms() >= due_ms)
			return -ETIMEDOUT;
		poll(NULL, 0, LOCK_EVERY_MS);
	}
	return steal_fd(&fd);
}

static bool is_stale(const json_t *entry)
{
	const char *heartbeat = json_string_value(json_object_get(entry, "heartbeat"));
	struct tm then = { 0 };

	if (!heartbeat || !strptime(heartbeat, "%Y-%m-%dT%H:%M:%SZ", &then))
		return true;
	return clock_wall_ns() / 1000000000 - timegm(&then) > ALLOCATED_STALE_S;
}

static size_t drop_old(json_t *array, const char *run_id, bool (*is_dead)(const char *run_id))
{
	size_t dropped = 0;

	for (size_t i = json_array_size(array); i-- > 0;) {
		const json_t *entry = json_array_get(array, i);
		const char *owner = json_string_value(json_object_get(entry, "run"));

		if (owner && strcmp(owner, run_id) && !is_stale(entry) && !is_dead(owner))
			continue;
		json_array_remove(array, i);
		dropped++;
	}
	return dropped;
}

static json_t *to_json(const struct allocated_run *run, const struct allocated_port *port,
                       const char *since, const char *now)
{
	json_t *entry = json_object();

	json_object_set_new(entry, "run", json_text(run->run_id));
	json_object_set_new(entry, "project", json_text(run->project));
	json_object_set_new(entry, "task", json_text(port->task));
	json_object_set_new(entry, "worker", json_integer(port->worker));
	json_object_set_new(entry, "proto", json_string(port->proto == BERTH_UDP ? "udp" : "tcp"));
	json_object_set_new(entry, "virtual", json_integer(port->virtual_port));
	json_object_set_new(entry, "real", json_integer(port->real_port));
	json_object_set_new(entry, "pid", json_integer(port->pid));
	json_object_set_new(entry, "since", json_string(since));
	json_object_set_new(entry, "heartbeat", json_string(now));
	return entry;
}

static void format_time(int64_t wall_ns, char *text, size_t size)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

int allocated_put(const struct allocated_run *run, const struct allocated_port *ports, size_t count,
                  bool (*is_dead)(const char *run_id))
{
	cleanup_free char *path = str_print("%s/allocated-ports.json", run->dir);
	cleanup_free char *lock_path = str_print("%s/.allocated-ports.lock", run->dir);
	cleanup_close int lock = lock_file(lock_path);
	cleanup_free char *text = NULL;
	char since[32], now[32];
	size_t dropped;
	json_t *array;
	int ret = 0;

	if (lock < 0)
		return lock;
	array = json_load_array(path); /* a broken file is replaced: it only describes live runs */
	dropped = drop_old(array, run->run_id, is_dead);
	format_time(run->since_ns, since, sizeof(since));
	format_time(clock_wall_ns(), now, sizeof(now));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, to_json(run, &ports[i], since, now));
	if (count || dropped || access(path, F_OK)) {
		text = json_dumps(array, JSON_INDENT(1));
		ret = text ? file_replace(path, text, strlen(text), 0644) : -EINVAL;
	}
	json_decref(array);
	return ret;
}

size_t allocated_of_map(const struct berth_portmap *map, const char *task, pid_t pid,
                        struct allocated_port **ret_ports)
{
	struct allocated_port *ports = NULL;
	size_t count = 0;

	/*
	 * By slot, because a block has fewer slots than there are virtual ports. No virtual port
	 * maps to a slot that was lost.
	 */
	for (uint32_t i = 0, slots = berth_portmap_slots(map); i < slots; i++) {
		uint32_t port = __atomic_load_n(&map->slots[i].virtual_port, __ATOMIC_ACQUIRE);

		if (!port)
			continue;
		for (enum berth_proto proto = BERTH_TCP; proto < BERTH_PROTOS; proto++) {
			uint16_t real_port = berth_portmap_real(map, proto, (uint16_t)port);

			if (real_port != map->block_base + i)
				continue;
			ports = mem_grow(ports, count + 1, sizeof(*ports));
			ports[count++] = (struct allocated_port){ task,      map->worker,
				                                  proto,     (uint16_t)port,
				                                  real_port, pid };
			/* a port that is declared for both protocols counts once */
			break;
		}
	}
	*ret_ports = ports;
	return count;
}
