/* SPDX-License-Identifier: MIT */
/*
 * Everything that can be known to be wrong before the first process starts is found here.
 *
 * Placeholders are six exact words in braces. Any other brace in a command line belongs to the
 * suite (JSON, glob patterns, shell functions) and stays.
 */
#include "tools/run/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/abi.h"
#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/db/common/url.h"
#include "tools/ports/ports.h"

enum { GRACE_MS = 10000 };

char *plan_task_of(char *const *argv, char *const *envp)
{
	static const char *const names[] = { "PLAYWRIGHT_PROJECT", "PROJECT_NAME" };

	for (; argv && *argv; argv++) {
		if (str_starts(*argv, "--project=") && (*argv)[10])
			return str_copy(*argv + 10);
		if (!strcmp(*argv, "--project") && argv[1] && argv[1][0] && argv[1][0] != '-')
			return str_copy(argv[1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = environ_get(envp, names[i]);

		if (value && *value)
			return str_copy(value);
	}
	return str_copy("default");
}

struct plan_placeholder {
	const char *word;
	const char *value; /* NULL = leave the word */
};

static char *fill_one(const char *text, const struct plan_placeholder *placeholders, size_t count)
{
	struct str filled = { 0 };

	while (*text) {
		const struct plan_placeholder *found = NULL;

		for (size_t i = 0; i < count && *text == '{' && !found; i++)
			if (placeholders[i].value && str_starts(text, placeholders[i].word))
				found = &placeholders[i];
		if (found)
			str_add(&filled, found->value);
		else
			str_add_len(&filled, text, 1);
		text += found ? strlen(found->word) : 1;
	}
	return str_take(&filled);
}

/* @run_id: NULL leaves {run} as it is. */
static char **fill(const struct run_options *options, const struct plan *plan,
                   const struct plan_worker *worker, const char *run_id)
{
	cleanup_free char *own = str_print("%u", worker->number),
			  *all = str_print("%u", plan->count),
			  *shard = str_print("%u", options->shard.index),
			  *shards = str_print("%u", options->shard.count);
	const struct plan_placeholder placeholders[] = {
		{ "{worker}", own },
		{ "{workers}", all },
		{ "{task}", worker->task },
		{ "{run}", run_id },
		{ "{shard}", options->shard.count ? shard : NULL },
		{ "{shards}", options->shard.count ? shards : NULL },
	};
	char **filled = NULL;

	for (char **argv = options->command; argv && *argv; argv++)
		strv_own(&filled, fill_one(*argv, placeholders, ARRAY_LEN(placeholders)));
	return filled;
}

static char *check(const struct run_options *options)
{
	char *const *all = options->all_tasks ? options->all_tasks : options->tasks;
	size_t tasks = strv_len(options->tasks);

	if (!options->command || !options->command[0])
		return str_copy("there is no command to run\nhint: berth run [OPTION]... -- "
		                "COMMAND [ARG]...");
	if (!options->command[0][0])
		return str_copy("unable to run '': the command is empty");
	if (options->workers > BERTH_WORKERS_MAX || tasks > BERTH_WORKERS_MAX)
		return str_print("%zu workers are too many: at most %u",
		                 tasks ? tasks : options->workers, BERTH_WORKERS_MAX);
	if (options->tasks && options->workers && options->workers != tasks)
		return str_print("%u workers for %zu tasks\nhint: --each starts one worker per "
		                 "task; -j limits how many "
		                 "run at once",
		                 options->workers, tasks);
	for (size_t i = 0; i < strv_len(all); i++)
		if (!all[i][0] || strv_has(all + i + 1, all[i]))
			return str_print("task '%s' is named twice, or has no name\nhint: each "
			                 "name of `each` (--each) "
			                 "is one worker's",
			                 all[i]);
	return NULL;
}

/* The ports of all ranges, sorted, without repeats, 0-terminated. */
static uint16_t *flatten(const struct run_ports *ports)
{
	bool *has = mem_alloc(BERTH_PORTS);
	uint16_t *list;
	size_t count = 0;

	for (unsigned int i = 0; i < ports->count; i++)
		for (unsigned int port = ports->ranges[i].first; port <= ports->ranges[i].last;
		     port++) {
			count += !has[port];
			has[port] = true;
		}
	list = mem_alloc((count + 1) * sizeof(*list));
	for (unsigned int port = 1, at = 0; port < BERTH_PORTS; port++)
		if (has[port])
			list[at++] = (uint16_t)port;
	free(has);
	return list;
}

static size_t list_len(const uint16_t *list)
{
	size_t len = 0;

	while (list[len])
		len++;
	return len;
}

char *plan_check_block(const struct plan *plan, unsigned int block_len)
{
	size_t declared = list_len(plan->ports);

	if (declared <= block_len)
		return NULL;
	return str_print(
		"%zu declared ports do not fit into a block of %u\nhint: raise `block` (--block)",
		declared, block_len);
}

uint16_t plan_database_port(const struct run_database *database, char *const *envp)
{
	struct db_url url;
	uint16_t port;

	if (database->port || database->kind == DB_KIND_COMMAND)
		return (uint16_t)database->port;
	if (db_url_parse_kind(database->kind, database->url ? database->url : database->name,
	                      environ_get(envp, "DATABASE_URL"), &url))
		return 0;
	port = url.port;
	db_url_free(&url);
	return port;
}

char **plan_database_ports(const struct run_options *options, char *const *envp)
{
	char **ports = NULL;

	for (unsigned int i = 0; i < options->database_count && options->db_mode != DB_OFF; i++)
		if (options->database_list[i].mode != DB_OFF)
			strv_own(&ports,
			         str_print("%u",
			                   plan_database_port(&options->database_list[i], envp)));
	return ports;
}

/* A port of a database that is shared, too, would lead all workers to one server. */
/* One mode holds for all of PostgreSQL: `setup` fills one template. */
static char *check_modes(const struct run_options *options)
{
	enum db_mode found = DB_AUTO;

	for (unsigned int i = 0; i < options->database_count && options->db_mode == DB_AUTO; i++) {
		const struct run_database *database = &options->database_list[i];
		enum db_mode mode = database->mode;

		if (database->kind != DB_KIND_POSTGRES || mode == DB_OFF || mode == DB_AUTO)
			continue;
		if (found != DB_AUTO && found != mode)
			return str_print("databases[%u]: mode %s, and another one has mode %s: one "
			                 "mode holds for all of PostgreSQL\n"
			                 "hint: --db-mode private gives each worker its own",
			                 i, db_mode_names[mode], db_mode_names[found]);
		found = mode;
	}
	return NULL;
}

static char *check_databases(const struct plan *plan, const struct run_options *options,
                             char *const *envp)
{
	for (unsigned int i = 0; i < options->database_count; i++) {
		const struct run_database *database = &options->database_list[i];
		uint16_t port = options->db_mode == DB_OFF || database->mode == DB_OFF
		                        ? 0
		                        : plan_database_port(database, envp);

		for (const uint16_t *shared = plan->share; port && *shared; shared++)
			if (*shared == port)
				return str_print(
					"port %u is a database's and shared at once\nhint: "
					"`databases` gives each worker its own, `share` lets all "
					"use the host's: leave it in one",
					port);
	}
	return check_modes(options);
}

static char *check_ports(const struct plan *plan, const struct run_options *options)
{
	unsigned int range = options->range_first ? options->range_last - options->range_first + 1u
	                                          : PORTS_RANGE_LAST - PORTS_RANGE_FIRST + 1u;
	unsigned int block_len = options->block_len ? options->block_len
	                                            : ports_block_len(range, plan->count);

	for (const uint16_t *port = plan->ports; *port; port++)
		for (const uint16_t *shared = plan->share; *shared; shared++)
			if (*port == *shared)
				return str_print("port %u is declared and shared at once\nhint: "
				                 "`port` gives each worker its own, "
				                 "`share` lets all use the host's: leave it in one",
				                 *port);
	return plan_check_block(plan, block_len);
}

static void plan_workers(struct plan *plan, const struct run_options *options, char *const *envp)
{
	plan->workers = mem_alloc(plan->count * sizeof(*plan->workers));
	for (unsigned int i = 0; i < plan->count; i++) {
		struct plan_worker *worker = &plan->workers[i];

		worker->number = i + 1;
		if (plan->named)
			worker->task = str_copy(options->tasks[i]);
		else if (plan->single)
			worker->task = plan_task_of(options->command, envp);
		else
			worker->task = str_print("%u", i + 1);
		worker->argv = fill(options, plan, worker, NULL);
	}
}

/* A task that is not known may be the longest. */
static int64_t expected(const struct run_options *options, unsigned int task)
{
	return options->expected_ms && options->expected_ms[task] ? options->expected_ms[task]
	                                                          : INT64_MAX;
}

/* The longest first, so that none begins when the others end; equal ones keep their order. */
static void plan_order(struct plan *plan, const struct run_options *options)
{
	plan->order = mem_alloc(plan->count * sizeof(*plan->order));
	for (unsigned int i = 0; i < plan->count; i++) {
		unsigned int at = i;

		for (; at && expected(options, plan->order[at - 1]) < expected(options, i); at--)
			plan->order[at] = plan->order[at - 1];
		plan->order[at] = i;
	}
}

static unsigned int plan_slots(const struct plan *plan, const struct run_options *options)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int slots = options->slots;

	if (!slots)
		slots = plan->named && cores > 0 ? (unsigned int)cores : plan->count;
	return slots < plan->count ? slots : plan->count;
}

int plan_make(const struct run_options *options, char *const *envp, struct plan **ret_plan,
              char **ret_error)
{
	struct plan *plan;

	*ret_error = check(options);
	if (*ret_error)
		return -EINVAL;
	plan = mem_alloc(sizeof(*plan));
	plan->named = options->tasks;
	plan->count = run_options_workers(options);
	plan->single = plan->count == 1;
	plan->private_processes = options->processes == RUN_PROCESSES_AUTO
	                                  ? !plan->single
	                                  : options->processes == RUN_PROCESSES_PRIVATE;
	plan->slots = plan_slots(plan, options);
	plan->grace_ms = options->grace_ms ? options->grace_ms : GRACE_MS;
	plan->ports = flatten(&options->ports);
	plan->share = flatten(&options->share);
	*ret_error = check_ports(plan, options);
	if (!*ret_error)
		*ret_error = check_databases(plan, options, envp);
	if (*ret_error) {
		plan_free(plan);
		return -EINVAL;
	}
	plan_workers(plan, options, envp);
	plan_order(plan, options);
	*ret_plan = plan;
	return 0;
}

void plan_name_run(struct plan *plan, const struct run_options *options, const char *run_id)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		struct plan_worker *worker = &plan->workers[i];

		strv_free(worker->argv);
		worker->argv = fill(options, plan, worker, run_id);
	}
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (unsigned int i = 0; plan->workers && i < plan->count; i++) {
		free(plan->workers[i].task);
		strv_free(plan->workers[i].argv);
	}
	free(plan->workers);
	free(plan->order);
	free(plan->ports);
	free(plan->share);
	free(plan);
}

static void describe_ports(const char *word, const uint16_t *list, struct str *text)
{
	if (!*list)
		return;
	str_addf(text, "%s:", word);
	for (; *list; list++)
		str_addf(text, " %u", *list);
	str_add(text, "\n");
}

void plan_describe(const struct plan *plan, const struct run_options *options,
                   const char *decisions, struct str *text)
{
	str_addf(text, "workers: %u, %u at once\n", plan->count, plan->slots);
	str_addf(text, "project: %s\n", options->project_dir ? options->project_dir : ".");
	str_add(text, decisions);
	describe_ports("declared ports", plan->ports, text);
	describe_ports("shared ports", plan->share, text);
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct plan_worker *worker = &plan->workers[plan->order[i]];

		str_addf(text, "w%u (%s):", worker->number, worker->task);
		for (char **arg = worker->argv; *arg; arg++) {
			cleanup_free char *shown = str_redacted(*arg);

			str_addf(text, " %s", shown);
		}
		str_add(text, "\n");
	}
}
