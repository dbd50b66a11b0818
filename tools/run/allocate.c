/* SPDX-License-Identifier: MIT */
/*
 * Which ports are declared before a worker starts, and what is told to the world about them.
 *
 * A heartbeat is due long before allocated-ports.json would be called stale, and a newly learned port shows within a
 * second or so; in between the file is left alone.
 */
#include "tools/run/allocate.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/ports/allocated.h"
#include "tools/ports/learned.h"
#include "tools/state/runtime.h"

enum { EVERY_MS = 1000, HEARTBEAT_MS = 60 * 1000, SLOTS_KEPT_FREE = 8 };

/* Numbered copies are all alike: what one learns is good for all. */
static const char *learning_task(const struct run *run, const struct run_worker *worker)
{
	return run->plan->named || run->plan->single ? worker->plan->task : NULL;
}

/* Learned ports may not fill the block: the ports that this run learns need room, too. */
static void declare_learned(struct run *run, struct run_worker *worker)
{
	cleanup_free uint16_t *ports = NULL;
	unsigned int used = 0;

	if (learned_load(run->results_dir, run->options->command, learning_task(run, worker),
	                 &ports) ||
	    !ports)
		return;
	for (uint32_t i = 0; i < worker->map->block_len; i++)
		used += worker->map->slots[i].virtual_port != 0;
	for (const uint16_t *port = ports; *port && used + SLOTS_KEPT_FREE < worker->map->block_len;
	     port++)
		if (!berth_portmap_real(worker->map, BERTH_TCP, *port))
			used += berth_portmap_declare(worker->map, *port) != 0;
}

/* Those that lie in the block first: they may only be themselves (core/portmap.c), and another would take their place. */
static void declare_wanted(struct run *run, const struct run_worker *worker)
{
	for (int inside = 1; inside >= 0; inside--)
		for (const uint16_t *port = run->plan->ports; *port; port++)
			if (inside == (*port - worker->block.base < worker->block.len))
				(void)berth_portmap_declare(
					worker->map,
					*port); /* there is room: see allocate_declare() */
}

/* A block may be smaller than the plan knew: the setup's worker has one, too, and other runs have theirs. */
int allocate_declare(struct run *run, char **ret_error)
{
	for (unsigned int i = 0; i < run->made; i++) {
		*ret_error = plan_no_room(run->plan, run->workers[i].block.len);
		if (*ret_error)
			return -ENOSPC;
		declare_wanted(run, &run->workers[i]);
		declare_learned(run, &run->workers[i]);
	}
	run->allocate_dirty = true;
	return 0;
}

static void put(struct run *run, const struct allocated_port *ports, size_t count)
{
	const struct allocated_run owner = { run->results_dir, run->id, run->project_dir,
		                             run->started_wall_ns };

	/* it informs; the run does not depend on it */
	(void)allocated_put(&owner, ports, count, runtime_is_dead);
	run->allocate_dirty = false;
	run->allocated_ms = clock_ms();
}

void allocate_write(struct run *run)
{
	struct allocated_port *all = NULL;
	size_t count = 0;

	for (unsigned int i = 0; i < run->count; i++) {
		const struct run_worker *worker = &run->workers[i];
		cleanup_free struct allocated_port *ports = NULL;
		size_t more;

		if (worker->status == STATE_PASSED || worker->status == STATE_FAILED)
			continue;
		more = allocated_of_map(worker->map, worker->plan->task, worker->pid, &ports);
		all = mem_grow(all, count + more + 1, sizeof(*all));
		for (size_t j = 0; j < more; j++)
			all[count++] = ports[j];
	}
	put(run, all, count);
	free(all);
}

void allocate_update(struct run *run)
{
	int64_t age_ms = clock_ms() - run->allocated_ms;

	if ((run->allocate_dirty && age_ms >= EVERY_MS) || age_ms >= HEARTBEAT_MS)
		allocate_write(run);
}

static bool is_declared(const struct run *run, uint16_t port)
{
	for (const uint16_t *at = run->plan->ports; *at; at++)
		if (*at == port)
			return true;
	return false;
}

static void save_learned(struct run *run, const struct run_worker *worker)
{
	cleanup_free struct allocated_port *ports = NULL;
	size_t count = allocated_of_map(worker->map, worker->plan->task, 0, &ports);
	cleanup_free struct learned_port *list = mem_alloc((count + 1) * sizeof(*list));
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		uint16_t port = ports[i].virtual_port;

		if (!is_declared(run, port) && (!kept || list[kept - 1].port != port))
			list[kept++] = (struct learned_port){
				port, !berth_portmap_real(worker->map, BERTH_TCP, port)
			};
	}
	if (kept)
		(void)learned_save(run->results_dir, run->options->command,
		                   learning_task(run, worker), list);
}

void allocate_end(struct run *run)
{
	bool copies_done = false;

	if (!run->results_dir || !run->allocated_ms)
		return;
	put(run, NULL, 0);
	for (unsigned int i = 0; i < run->count; i++) {
		const struct run_worker *worker = &run->workers[i];

		if (!worker->learned || (copies_done && !learning_task(run, worker)))
			continue;
		save_learned(run, worker);
		copies_done = true;
	}
}
