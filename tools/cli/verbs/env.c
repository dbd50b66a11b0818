/* SPDX-License-Identifier: MIT */
/*
 * `berth env` prints the environment of one worker's first process, or of the caller inside of that
 * worker, in a form that a shell can evaluate. The port map follows as comments.
 *
 * The bpf backend finds a worker by its cgroup, and the user's shell is not in it. So the shell
 * gets the shim and the port map's file instead. That suffices for clients. A server that such a
 * shell starts does not belong to the worker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/json.h"
#include "tools/base/log.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/common/live.h"
#include "tools/cli/common/maps.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/term.h"
#include "tools/process/owner.h"
#include "tools/process/proc.h"

static const char *const names[] = {
#define ENV(name, help) #name,
#include "core/env.def"
	"LD_PRELOAD",
};

struct environment {
	char *text; /* content of /proc/PID/environ */
	size_t len;
	const char *map;
	char *shim;
};

/* Return: the value of variable @name in the worker's environment; NULL if it is not set. */
static const char *value_in(const struct environment *environment, const char *name)
{
	return proc_parse_environ(environment->text, environment->len, name);
}

/* The same; for a worker without the shim, the variables that load it into an outside process. */
static const char *value_of(const struct environment *environment, const char *name)
{
	const char *value = value_in(environment, name);

	if (value || value_in(environment, "BERTH_MAP"))
		return value;
	if (!strcmp(name, "BERTH_MAP"))
		return environment->map;
	return !strcmp(name, "BERTH_SHIM") || !strcmp(name, "LD_PRELOAD") ? environment->shim
	                                                                  : NULL;
}

static void print_export(const char *name, const char *value)
{
	cleanup_free char *word = str_shell_word(value);

	printf("export %s=%s\n", name, word);
}

static void print_ports(const struct berth_portmap *map)
{
	cleanup_free struct maps_port *ports = NULL;
	unsigned int count = maps_ports(map, &ports);
	struct term_table table = { 0 };

	for (unsigned int i = 0; i < count; i++) {
		term_cellf(&table, "# port %u", ports[i].virtual_port);
		term_cellf(&table, "is %u", ports[i].real_port);
		term_cell(&table, maps_state_names[ports[i].state]);
		term_row(&table);
	}
	term_print(&table);
}

static void print_json(const struct run_state *run, const struct state_worker *worker,
                       const struct berth_portmap *map, const struct environment *environment)
{
	json_t *variables = json_object();

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (value_of(environment, names[i]))
			json_object_set_new(variables, names[i],
			                    json_text(value_of(environment, names[i])));
	output_json(json_pack("{s:s, s:i, s:s?, s:o, s:o}", "run", run->id, "worker",
	                      (int)worker->number, "task", worker->task, "environment", variables,
	                      "ports", maps_json(map)));
}

static void print_text(const struct berth_portmap *map, const struct environment *environment)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (value_of(environment, names[i]))
			print_export(names[i], value_of(environment, names[i]));
	if (map)
		print_ports(map);
}

static int show(const struct cli *cli, const struct run_state *run,
                const struct state_worker *worker)
{
	cleanup_free char *install = NULL;
	struct environment environment = { .map = worker->map_path };
	const struct berth_portmap *map = NULL;
	unsigned int own = 0;
	bool inside = str_equal(owner_of_self(&own), run->id) && own == worker->number;
	pid_t pid = inside ? getpid() : worker->pid;
	int ret = pid ? proc_read_file(pid, "environ", &environment.text, &environment.len)
	              : -ESRCH;

	if (ret) {
		log_line("worker %u of run %s has no process now: it is %s", worker->number,
		         run->id, state_status_names[worker->status]);
		return 1;
	}
	if (!dir_install(&install))
		environment.shim = str_print("%s/lib/berth/libberth.so", install);
	(void)maps_open(worker, &map);
	if (cli->json)
		print_json(run, worker, map, &environment);
	else
		print_text(map, &environment);
	maps_close(map);
	free(environment.text);
	free(environment.shim);
	return 0;
}

int verb_env(struct cli *cli)
{
	const struct state_worker *worker;
	struct run_state run = { 0 };
	int status;

	live_take_name(cli);
	status = live_worker(cli->run_id, cli->worker, &run, &worker);
	if (status)
		return status;
	status = show(cli, &run, worker);
	state_free(&run);
	return status;
}
