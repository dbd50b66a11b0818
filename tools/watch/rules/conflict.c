/* SPDX-License-Identifier: MIT */
/*
 * port_conflict, path_conflict, no_server and conflict_avoided. A failed bind is a note, not a
 * warning, if the program then bound something else, its process succeeded, or its worker passed. A
 * missing server is reported only if the worker failed.
 */
#include <errno.h>

#include "core/abstract.h"
#include "tools/watch/rules/rules.h"

static bool was_harmless(const struct watch_worker *worker, const struct watch_process *process,
                         bool elsewhere)
{
	return elsewhere || worker->passed ||
	       (!process->alive && process->status_known && !process->status);
}

static void report_port(struct watch_rules *rules, const struct watch_worker *worker,
                        const struct bind_failure *failure)
{
	const struct rule_report report = {
		.kind = FINDING_port_conflict,
		.worker = worker->number,
		.process = failure->process,
		.protocol = rule_protocols[failure->proto],
		.port = failure->virtual_port,
		.real_port = failure->port,
		.since_ns = failure->first_ns,
		.count = failure->count,
		.stack = &failure->stack,
		.is_note = was_harmless(worker, failure->process, failure->elsewhere),
	};

	if (failure->holder_worker && failure->holder_worker != worker->number)
		rule_report(rules, &report, "port %u is held by worker %u: %s",
		            failure->virtual_port, failure->holder_worker, failure->holder);
	else
		rule_report(rules, &report, "port %u is held by %s%s", failure->virtual_port,
		            failure->holder ? failure->holder : "a process that has ended since",
		            failure->elsewhere ? "; the program took another port" : "");
}

void rule_port_conflicts(struct watch_rules *rules, const struct watch_worker *worker)
{
	const struct bind_failure *failure;

	for (struct table_cell *cell = NULL;
	     (failure = model_bind_failure_next(rules->model, &cell));)
		if (failure->worker == worker->number && !failure->retried)
			report_port(rules, worker, failure);
}

static void report_path(struct watch_rules *rules, const struct watch_worker *worker,
                        const struct path_failure *failure)
{
	const char *path = berth_abstract_plain(failure->path);
	struct rule_report report = {
		.kind = FINDING_no_server,
		.worker = worker->number,
		.process = failure->process,
		.protocol = "unix",
		.path = path,
		.since_ns = failure->first_ns,
		.count = failure->count,
		.stack = &failure->stack,
	};

	if (failure->is_bind) {
		report.kind = FINDING_path_conflict;
		report.is_note = was_harmless(worker, failure->process, failure->elsewhere);
		rule_report(rules, &report, "%s is held by %s%s", path, failure->holder,
		            failure->elsewhere ? "; the program took another path" : "");
	} else if (failure->error == ECONNREFUSED) {
		rule_report(rules, &report, "no process listens on %s%s", path,
		            *path == '@' ? "" : ": the file exists, its server does not run");
	} else {
		rule_report(rules, &report, "%s does not exist: %llu connects failed", path,
		            (unsigned long long)failure->count);
	}
}

void rule_path_failures(struct watch_rules *rules, const struct watch_worker *worker)
{
	const struct path_failure *failure;

	for (struct table_cell *cell = NULL;
	     (failure = model_path_failure_next(rules->model, &cell));)
		if (failure->worker == worker->number && !failure->resolved &&
		    (failure->is_bind || (failure->needed && !worker->passed)))
			report_path(rules, worker, failure);
}

/* Whether two endpoints of different workers had one virtual port at the same time. */
static bool would_conflict(const struct watch_endpoint *a, const struct watch_endpoint *b)
{
	uint64_t a_end = a->closed_ns ? a->closed_ns : UINT64_MAX,
		 b_end = b->closed_ns ? b->closed_ns : UINT64_MAX;
	uint64_t a_start = a->bound_ns ? a->bound_ns : a->listen_ns,
		 b_start = b->bound_ns ? b->bound_ns : b->listen_ns;

	return a->worker != b->worker && a->virtual_port == b->virtual_port &&
	       a->proto == b->proto && a_start < b_end && b_start < a_end;
}

static unsigned int count_conflicting_workers(struct watch_model *model,
                                              const struct watch_endpoint *endpoint)
{
	bool workers[BERTH_WORKERS_MAX + 1] = { 0 };
	unsigned int count = 1;

	workers[endpoint->worker] = true;
	for (const struct watch_endpoint *at = model_endpoint_newest(model); at; at = at->next)
		if (!workers[at->worker] && would_conflict(endpoint, at)) {
			workers[at->worker] = true;
			count++;
		}
	return count;
}

void rule_conflicts_avoided(struct watch_rules *rules)
{
	struct table reported = { 0 }; /* by protocol and virtual port */

	for (struct watch_endpoint *at = model_endpoint_newest(rules->model); at; at = at->next) {
		uint64_t key = (uint64_t)at->proto << 16 | at->virtual_port;
		unsigned int count;

		/* a port that is not remapped has avoided nothing */
		if (at->virtual_port == at->port || table_get(&reported, key))
			continue;
		count = count_conflicting_workers(rules->model, at);
		if (count < 2)
			continue;
		table_set(&reported, key, at);
		rule_report(rules,
		            &(struct rule_report){ .kind = FINDING_conflict_avoided,
		                                   .protocol = rule_protocols[at->proto],
		                                   .port = at->virtual_port,
		                                   .count = count },
		            "%u workers had port %u open at the same time", count,
		            at->virtual_port);
	}
	table_free(&reported, NULL);
}
