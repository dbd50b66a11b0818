/* SPDX-License-Identifier: MIT */
/*
 * The choice between the two sources. eBPF needs a cgroup v2 for the run and privilege; the sampler
 * works everywhere.
 */
#include "tools/watch/source/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/str.h"
#include "tools/watch/model/model.h"
#include "tools/watch/source/adopt.h"
#include "tools/watch/source/monitor.h"
#include "tools/watch/source/sampler.h"

/* Exactly one of the two is open. */
struct source {
	struct monitor *monitor;
	struct socket_sampler *sampler;
	watch_event_fn on_event;
	void *arg;
};

static int open_monitor(struct source *source, const struct source_setup *setup)
{
	const struct monitor_setup monitor = {
		.loop = setup->loop,
		.cgroup = setup->cgroup,
		.everything = setup->everything,
		.every_cgroup = setup->every_cgroup,
		.by_process = setup->by_process,
		.stacks = true,
		.on_event = setup->on_event,
		.arg = setup->arg,
	};

	if (!monitor_open)
		return -EOPNOTSUPP;
	return setup->cgroup < 0 ? -ENOENT : monitor_open(&monitor, &source->monitor);
}

static char *explain_choice(const struct source *source, int error)
{
	if (source->monitor)
		return str_print("eBPF%s", *monitor_losses(source->monitor) ? ", in part" : "");
	if (error == -ENOENT)
		return str_copy("sampling, less exact: there is no cgroup v2 for the run");
	if (error == -EPERM || error == -EACCES)
		return str_copy(
			"sampling, less exact: eBPF needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
	return error ? str_print("sampling, less exact: eBPF does not load (%s)", strerror(-error))
	             : str_copy("sampling, less exact: as requested");
}

int source_open(const struct source_setup *setup, struct source **ret_source, char **ret_reason)
{
	struct source *source = mem_alloc(sizeof(*source));
	int ret = 0;

	source->on_event = setup->on_event;
	source->arg = setup->arg;
	if (setup->requested != WATCH_SAMPLE)
		ret = open_monitor(source, setup);
	*ret_reason = explain_choice(source, ret);
	if (ret && setup->requested == WATCH_BPF)
		ret = -ENOTSUP;
	else
		ret = source->monitor ? 0
		                      : sampler_open(setup->model, setup->on_event, setup->arg,
		                                     &source->sampler);
	if (ret)
		source_close(source);
	else
		*ret_source = source;
	return ret;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	if (source->monitor)
		monitor_close(source->monitor);
	sampler_close(source->sampler);
	free(source);
}

bool source_is_exact(const struct source *source)
{
	return source->monitor != NULL;
}

const char *const *source_losses(const struct source *source)
{
	static const char *const sampled[] = {
		"sockets that live shorter than the pause between two samples are not seen",
		"failed binds and errors are known only where the shim noted them",
		"no stacks",
		"counts are lower bounds",
		NULL,
	};

	return source->monitor ? monitor_losses(source->monitor) : sampled;
}

uint64_t source_missed(const struct source *source)
{
	return source->monitor ? monitor_missed(source->monitor) : 0;
}

int source_worker_begin(struct source *source, const struct watch_worker *worker)
{
	return source->monitor && worker->cgroup >= 0
	               ? monitor_worker_add(source->monitor, worker->number, worker->cgroup)
	               : 0;
}

void source_worker_end(struct source *source, const struct watch_worker *worker)
{
	if (source->monitor && worker->cgroup >= 0)
		monitor_worker_remove(source->monitor, worker->cgroup);
}

int source_process_add(struct source *source, unsigned int number, pid_t pid)
{
	return source->monitor
	               ? adopt_process(source->monitor, number, pid, source->on_event, source->arg)
	               : -ENOTSUP;
}

void source_poll(struct source *source)
{
	if (source->monitor)
		monitor_drain(source->monitor);
	else
		sampler_poll(source->sampler);
}

void source_read_counts(struct source *source, struct watch_worker *worker)
{
	if (source->monitor)
		(void)monitor_counts(source->monitor, worker->number, &worker->counts);
}

int source_snapshot(struct source *source, watch_socket_fn fn, void *arg)
{
	if (source->monitor)
		return monitor_snapshot(source->monitor, fn, arg);
	sampler_snapshot(source->sampler, fn, arg);
	return 0;
}

bool source_stack(struct source *source, uint64_t cookie, bool forget,
                  struct monitor_stack *ret_stack)
{
	return source->monitor && monitor_stack(source->monitor, cookie, forget, ret_stack);
}
