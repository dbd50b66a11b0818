/* SPDX-License-Identifier: MIT */
/*
 * socket_never_closed, close_wait, descriptor_growth and time_wait: sockets and descriptors that
 * programs do not close well.
 */
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/file.h"
#include "tools/watch/rules/rules.h"

/* ---- connections that only the end of the process closed ---- */

static void report_never_closed(struct watch_rules *rules, const struct watch_process *process)
{
	const struct unclosed_connections *unclosed = &process->unclosed;
	const struct rule_report report = {
		.kind = FINDING_socket_never_closed,
		.worker = process->worker,
		.process = process,
		.protocol = "tcp",
		.port = model_virtual_port(rules->model, process->worker, unclosed->first_port),
		.real_port = unclosed->first_port,
		.since_ns = unclosed->first_opened_ns,
		.count = unclosed->count,
		.stack = &unclosed->first_stack,
		/* a pool is opened in one go, and ends with its process */
		.is_note = unclosed->second_count < ARRAY_LEN(unclosed->seconds),
	};

	rule_report(rules, &report,
	            "process %d ended with %u connections open that it had made, "
	            "the first to port %u",
	            process->pid, unclosed->count, report.port);
}

void rule_never_closed(struct watch_rules *rules, const struct watch_worker *worker)
{
	struct watch_process *process;

	for (struct table_cell *cell = NULL; (process = model_process_next(rules->model, &cell));)
		for (; process; process = process->previous)
			if (process->worker == worker->number &&
			    process->unclosed.count >= rules->policy->never_closed_min) {
				report_never_closed(rules, process);
				process->unclosed.count = 0;
			}
}

/* ---- CLOSE_WAIT ---- */

void rule_close_wait_add(void *arg, const struct berth_socket *socket)
{
	struct close_wait_check *check = arg;
	uint64_t key = (uint64_t)socket->worker << 32 | socket->pid;
	struct watch_process *process;

	if (!socket->close_wait_since_ns || socket->closed ||
	    rule_age_ms(socket->close_wait_since_ns) < check->rules->policy->close_wait_ms)
		return;
	process = model_process_get(check->rules->model, (pid_t)socket->pid, socket->worker);
	if (!process->close_wait_opened_ns || socket->opened_ns < process->close_wait_opened_ns)
		process->close_wait_opened_ns = socket->opened_ns;
	table_set(&check->counts, key, (void *)((uintptr_t)table_get(&check->counts, key) + 1));
}

static void report_close_wait(struct watch_rules *rules, struct watch_process *process,
                              unsigned int count)
{
	cleanup_free char *name = rule_process_name(process);

	if (count < rules->policy->close_wait_min || process->close_wait_reported)
		return;
	process->close_wait_reported = true;
	rule_report(rules,
	            &(struct rule_report){ .kind = FINDING_close_wait,
	                                   .worker = process->worker,
	                                   .process = process,
	                                   .protocol = "tcp",
	                                   .since_ns = process->close_wait_opened_ns,
	                                   .count = count },
	            "%u connections of %s (pid %d) are in CLOSE_WAIT for more than %lld ms", count,
	            name, process->pid, (long long)rules->policy->close_wait_ms);
}

void rule_close_wait_finish(struct close_wait_check *check)
{
	struct watch_model *model = check->rules->model;
	struct watch_process *process;

	for (struct table_cell *cell = NULL; (cell = table_next(&check->counts, cell));) {
		process = model_process_get(model, (pid_t)(uint32_t)cell->key,
		                            (unsigned int)(cell->key >> 32));
		model_process_describe(process);
		report_close_wait(check->rules, process, (unsigned int)(uintptr_t)cell->value);
	}
	table_free(&check->counts, NULL);
	/* processes that have closed theirs since, but late */
	for (struct table_cell *cell = NULL; (process = model_process_next(model, &cell));)
		report_close_wait(check->rules, process, process->close_waits);
}

/* ---- descriptors ---- */

void rule_descriptor_growth(struct watch_rules *rules, struct watch_process *process)
{
	const struct measurements *descriptors = &process->descriptors;
	int growth = measurements_growth(descriptors);
	cleanup_free char *name = NULL;

	if (process->growth_reported || growth < (int)rules->policy->growth_min ||
	    measurements_taken(descriptors) * rules->policy->sample_ms < rules->policy->growth_ms)
		return;
	process->growth_reported = true;
	model_process_describe(process);
	name = rule_process_name(process);
	rule_report(rules,
	            &(struct rule_report){ .kind = FINDING_descriptor_growth,
	                                   .worker = process->worker,
	                                   .process = process,
	                                   .count = (uint64_t)growth },
	            "%s (pid %d) went from %d to %d open descriptors, step by step", name,
	            process->pid, descriptors->values[0],
	            descriptors->values[descriptors->count - 1]);
}

/* ---- TIME_WAIT on a port that the next server of the suite will bind ---- */

struct time_wait_search {
	struct watch_rules *rules;
	unsigned int worker;
	unsigned int ephemeral_low, ephemeral_high; /* ports that no server asks for again */
};

static void report_time_wait(struct watch_rules *rules, struct watch_endpoint *endpoint)
{
	endpoint->reuse = true; /* report each endpoint once */
	rule_report(
		rules,
		&(struct rule_report){
			.kind = FINDING_time_wait,
			.worker = endpoint->worker,
			.process = endpoint->process,
			.protocol = "tcp",
			.port = endpoint->virtual_port,
			.real_port = endpoint->port,
			.since_ns = endpoint->bound_ns ? endpoint->bound_ns : endpoint->listen_ns,
			.stack = &endpoint->stack,
		},
		"the server on port %u closed first and does not set SO_REUSEADDR: "
		"the next bind fails for up to a minute",
		endpoint->virtual_port);
}

static void on_time_wait(void *arg, const struct diag_socket *socket)
{
	const struct time_wait_search *search = arg;

	if (socket->local_port >= search->ephemeral_low &&
	    socket->local_port <= search->ephemeral_high)
		return;
	for (struct watch_endpoint *at = model_endpoint_newest(search->rules->model); at;
	     at = at->next)
		if (at->worker == search->worker && at->port == socket->local_port &&
		    at->listen_ns && !at->reuse) {
			report_time_wait(search->rules, at);
			return;
		}
}

void rule_time_wait(struct watch_rules *rules, const struct watch_worker *worker)
{
	const struct diag_filter filter = { .states = 1u << DIAG_TIME_WAIT, .no_udp = true };
	struct time_wait_search search = { .rules = rules, .worker = worker->number };

	if (!model_endpoint_newest(rules->model))
		return;
	file_read_ephemeral(&search.ephemeral_low, &search.ephemeral_high);
	(void)diag_each(-1, &filter, on_time_wait, &search);
}
