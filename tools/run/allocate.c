/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. A heartbeat is due long before other commands would take allocated-ports.json
 * for stale. A newly learned port shows within about a second.
 */
#include "tools/run/allocate.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/ports/allocated.h"
#include "tools/ports/learned.h"
#include "tools/state/runtime.h"

enum { WRITE_EVERY_MS = 1000, HEARTBEAT_MS = 60 * 1000, SLOTS_KEPT_FREE = 8 };

struct allocate {
	struct allocate_setup setup;
	bool dirty;
	int64_t written_ms; /* 0 = never */
};

struct allocate *allocate_open(const struct allocate_setup *setup)
{
	struct allocate *allocate = mem_alloc(sizeof(*allocate));

	allocate->setup = *setup;
	return allocate;
}

void allocate_close(struct allocate *allocate)
{
	free(allocate);
}

/* ---- what is declared ---- */

/* Numbered copies are alike: the ports that one learns hold for all. */
static const char *learning_task(const struct run_context *context, const struct worker_spec *spec)
{
	return context->plan->named || context->plan->single ? spec->task : NULL;
}

/* Learned ports may not fill the block: the ports that this run learns need space, too. */
static void declare_learned(const struct run_context *context, const struct worker_spec *spec)
{
	cleanup_free uint16_t *ports = NULL;
	unsigned int used = 0;

	if (learned_load(context->results_dir, context->options->command,
	                 learning_task(context, spec), &ports) ||
	    !ports)
		return;
	for (uint32_t i = 0; i < spec->map->block_len; i++)
		used += spec->map->slots[i].virtual_port != 0;
	for (const uint16_t *port = ports; *port && used + SLOTS_KEPT_FREE < spec->map->block_len;
	     port++)
		if (!berth_portmap_real(spec->map, BERTH_TCP, *port))
			used += berth_portmap_declare(spec->map, *port) != 0;
}

/*
 * A port that lies in the block can only have the slot of its own number (core/portmap.c). So those
 * ports come first, before another takes that slot.
 */
static void declare_ports(const struct run_context *context, const struct worker_spec *spec)
{
	for (int inside = 1; inside >= 0; inside--)
		for (const uint16_t *port = context->plan->ports; *port; port++)
			if (inside == (*port - spec->block.base < spec->block.len))
				(void)berth_portmap_declare(spec->map, *port);
}

/* A block may be smaller than the plan knew: other runs and the setup command have blocks, too. */
int allocate_declare(struct allocate *allocate, char **ret_error)
{
	const struct run_context *context = allocate->setup.context;

	for (unsigned int i = 0; i < allocate->setup.spec_count; i++) {
		const struct worker_spec *spec = &allocate->setup.specs[i];
		const struct state_worker *before = i ? NULL : context->before.workers;

		for (size_t k = 0; before && k < before->port_count; k++)
			(void)berth_portmap_restore(spec->map, before->ports[k].virtual_port,
			                            before->ports[k].real_port);
		*ret_error = plan_check_block(context->plan, spec->block.len);
		if (*ret_error)
			return -ENOSPC;
		declare_ports(context, spec);
		declare_learned(context, spec);
	}
	allocate->dirty = true;
	return 0;
}

/* ---- what other commands see ---- */

static void put(struct allocate *allocate, const struct allocated_port *ports, size_t count)
{
	const struct run_context *context = allocate->setup.context;
	const struct allocated_run owner = { context->results_dir, context->id,
		                             context->project_dir, context->started_wall_ns };

	/* the file informs; the run does not depend on it */
	(void)allocated_put(&owner, ports, count, runtime_is_dead);
	allocate->dirty = false;
	allocate->written_ms = clock_ms();
}

void allocate_write(struct allocate *allocate)
{
	struct allocated_port *all = NULL;
	size_t count = 0;

	for (unsigned int i = 0; i < allocate->setup.context->plan->count; i++) {
		const struct worker_spec *spec = &allocate->setup.specs[i];
		const struct worker_result *result = worker_result(allocate->setup.workers[i]);
		cleanup_free struct allocated_port *ports = NULL;
		size_t more;

		if (result->status == STATE_PASSED || result->status == STATE_FAILED)
			continue;
		more = allocated_of_map(spec->map, spec->task, result->pid, &ports);
		all = mem_grow(all, count + more + 1, sizeof(*all));
		for (size_t j = 0; j < more; j++)
			all[count++] = ports[j];
	}
	put(allocate, all, count);
	free(all);
}

size_t allocate_pairs(const struct allocate *allocate, struct ports_pair **ret_pairs)
{
	const struct worker_spec *spec = allocate->setup.specs;
	cleanup_free struct allocated_port *ports = NULL;
	size_t all = allocated_of_map(spec->map, spec->task, 0, &ports), count = 0;

	*ret_pairs = mem_alloc((all + 1) * sizeof(**ret_pairs));
	for (size_t i = 0; i < all; i++)
		if (ports[i].proto == BERTH_TCP)
			(*ret_pairs)[count++] = (struct ports_pair){ ports[i].virtual_port,
				                                     ports[i].real_port };
	return count;
}

void allocate_touch(struct allocate *allocate)
{
	allocate->dirty = true;
}

void allocate_update(struct allocate *allocate)
{
	int64_t age_ms = clock_ms() - allocate->written_ms;

	if ((allocate->dirty && age_ms >= WRITE_EVERY_MS) || age_ms >= HEARTBEAT_MS)
		allocate_write(allocate);
}

/* ---- what later runs know ---- */

static bool is_declared(const struct plan *plan, uint16_t port)
{
	for (const uint16_t *at = plan->ports; *at; at++)
		if (*at == port)
			return true;
	return false;
}

static void save_learned(const struct run_context *context, const struct worker_spec *spec)
{
	cleanup_free struct allocated_port *ports = NULL;
	size_t count = allocated_of_map(spec->map, spec->task, 0, &ports);
	cleanup_free struct learned_port *list = mem_alloc((count + 1) * sizeof(*list));
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		uint16_t port = ports[i].virtual_port;

		if (!is_declared(context->plan, port) && (!kept || list[kept - 1].port != port))
			list[kept++] = (struct learned_port){
				port, !berth_portmap_real(spec->map, BERTH_TCP, port)
			};
	}
	if (kept)
		(void)learned_save(context->results_dir, context->options->command,
		                   learning_task(context, spec), list);
}

void allocate_end(struct allocate *allocate, const struct notes *notes)
{
	const struct run_context *context = allocate->setup.context;
	bool copies_done = false;

	if (!allocate->written_ms)
		return;
	put(allocate, NULL, 0);
	for (unsigned int i = 0; notes && i < context->plan->count; i++) {
		const struct worker_spec *spec = &allocate->setup.specs[i];

		if (!notes_learned(notes, spec->number) ||
		    (copies_done && !learning_task(context, spec)))
			continue;
		save_learned(context, spec);
		copies_done = true;
	}
}
