/* SPDX-License-Identifier: MIT */
/* Shows a run with its workers and their ports: for `berth ps` and `berth up`. */
#include "tools/cli/common/show_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/json.h"
#include "tools/cli/common/maps.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/term.h"

static char *age(int64_t started_ns)
{
	int64_t seconds = (clock_wall_ns() - started_ns) / 1000000000;

	if (seconds < 60)
		return str_print("%llds", (long long)(seconds < 0 ? 0 : seconds));
	if (seconds < 3600)
		return str_print("%lldm", (long long)(seconds / 60));
	return str_print("%lldh%02lldm", (long long)(seconds / 3600),
	                 (long long)(seconds / 60 % 60));
}

static char *words(char *const *command)
{
	struct str text = { 0 };

	for (; command && *command; command++)
		str_addf(&text, "%s%s", text.len ? " " : "", *command);
	return str_take(&text);
}

/* Can a browser reach the port? @run knows the ports of its databases. */
static bool has_url(const struct run_state *run, const struct maps_port *port)
{
	cleanup_free char *text = str_print("%u", port->virtual_port);

	return port->tcp && !strv_has(run->database_ports, text);
}

/* @all: also the ports on which no socket listens now */
static char *port_pairs(const struct state_worker *worker, bool all)
{
	const struct berth_portmap *map = NULL;
	cleanup_free struct maps_port *ports = NULL;
	struct str text = { 0 };
	unsigned int count;

	if (maps_open(worker, &map))
		return str_copy("-");
	count = maps_ports(map, &ports);
	for (unsigned int i = 0; i < count; i++)
		if (ports[i].state != BERTH_SLOT_LOST && (all || ports[i].listening))
			str_addf(&text, "%s%u->%u", text.len ? " " : "", ports[i].virtual_port,
			         ports[i].real_port);
	maps_close(map);
	return str_take(&text);
}

static void add_header(struct term_table *table, const char *const *names)
{
	for (; *names; names++)
		term_cell(table, *names);
	term_row(table);
}

static void add_worker(struct term_table *table, const struct state_worker *worker, bool alive,
                       bool all)
{
	term_cellf(table, "w%u", worker->number);
	term_cell(table, worker->task);
	if (worker->status == STATE_FAILED)
		term_cellf(table, "failed (%d)", worker->exit_status);
	else if (!alive && worker->status < STATE_PASSED)
		term_cell(table, "killed");
	else
		term_cell(table, state_status_names[worker->status]);
	if (worker->pid && alive)
		term_cellf(table, "%d", (int)worker->pid);
	else
		term_cell(table, "-");
	if (worker->block_len)
		term_cellf(table, "%u-%u", worker->block_base,
		           worker->block_base + worker->block_len - 1);
	else
		term_cell(table, "-");
	term_cell_own(table, port_pairs(worker, all));
	term_row(table);
}

void show_run(const struct run_state *run, bool all)
{
	static const char *const run_names[] = { "RUN",  "NAME",    "AGE",     "BACKEND",
		                                 "TREE", "PROJECT", "COMMAND", NULL };
	static const char *const worker_names[] = { "WORKER",     "TASK",          "STATUS", "PID",
		                                    "REAL PORTS", "VIRTUAL->REAL", NULL };
	struct term_table runs = { 0 }, workers = { .indent = 2 };

	add_header(&runs, run_names);
	term_cell(&runs, run->id);
	term_cell(&runs, run->name ? run->name : "-");
	term_cell_own(&runs, run->alive ? age(run->started_ns)
	                                : str_copy(access(run->dir, F_OK) ? "down" : "dead"));
	term_cell(&runs, run->backend ? run->backend : "-");
	term_cell(&runs, run->tree ? run->tree : "-");
	term_cell(&runs, run->project_dir ? run->project_dir : "-");
	term_cell_own(&runs, words(run->command));
	term_row(&runs);
	term_print(&runs);
	add_header(&workers, worker_names);
	for (size_t i = 0; i < run->worker_count; i++)
		add_worker(&workers, &run->workers[i], run->alive, all);
	term_print(&workers);
}

void show_run_ports(const struct run_state *run)
{
	for (size_t i = 0; i < run->worker_count; i++) {
		const struct berth_portmap *map = NULL;
		cleanup_free struct maps_port *ports = NULL;
		unsigned int count;

		if (maps_open(&run->workers[i], &map))
			continue;
		count = maps_ports(map, &ports);
		for (unsigned int k = 0; k < count; k++) {
			if (!ports[k].listening)
				continue;
			printf("w%u: port %u is %s%u outside\n", run->workers[i].number,
			       ports[k].virtual_port,
			       has_url(run, &ports[k]) ? "http://localhost:" : "",
			       ports[k].real_port);
		}
		maps_close(map);
	}
}

static json_t *json_ports(const struct run_state *run, const struct state_worker *worker)
{
	const struct berth_portmap *map = NULL;
	cleanup_free struct maps_port *ports = NULL;
	unsigned int count;
	json_t *array;

	if (maps_open(worker, &map))
		return json_array();
	array = maps_json(map);
	count = maps_ports(map, &ports);
	for (unsigned int i = 0; i < count && i < json_array_size(array); i++) {
		cleanup_free char *url = str_print("http://localhost:%u", ports[i].real_port);

		json_object_set_new(json_array_get(array, i), "url",
		                    has_url(run, &ports[i]) ? json_string(url) : json_null());
	}
	maps_close(map);
	return array;
}

json_t *show_run_json(const struct run_state *run)
{
	json_t *workers = json_array();

	for (size_t i = 0; i < run->worker_count; i++) {
		const struct state_worker *worker = &run->workers[i];

		json_array_append_new(
			workers, json_pack("{s:i, s:s?, s:s, s:i, s:i, s:[i, i], s:o}", "worker",
		                           (int)worker->number, "task", worker->task, "status",
		                           state_status_names[worker->status], "pid",
		                           (int)worker->pid, "exit_status", worker->exit_status,
		                           "block", (int)worker->block_base,
		                           (int)(worker->block_base + worker->block_len) -
		                                   (worker->block_len ? 1 : 0),
		                           "ports", json_ports(run, worker)));
	}
	return json_pack("{s:s, s:s?, s:b, s:i, s:s?, s:s?, s:s?, s:s?, s:I, s:o, s:o}", "run",
	                 run->id, "name", run->name, "alive", run->alive, "pid", (int)run->pid,
	                 "project", run->project_dir, "results", run->results_dir, "backend",
	                 run->backend, "tree", run->tree, "started",
	                 (json_int_t)(run->started_ns / 1000000000), "command",
	                 json_texts(run->command), "workers", workers);
}
