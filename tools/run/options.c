/* SPDX-License-Identifier: MIT */
/* The names of option values, and the lists of ports. Other modules decide what an option means. */
#include "tools/run/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

const char *const run_gate_names[] = { "warn", "off", "fail", NULL };
const char *const run_output_names[] = { "auto", "prefix", "group", "quiet", NULL };
const char *const run_processes_names[] = { "auto", "private", "shared", NULL };
const char *const run_color_names[] = { "auto", "always", "never", NULL };

const char *const run_error_names[] = { "EPIPE",     "ECONNRESET", "ECONNREFUSED",
	                                "ETIMEDOUT", "EADDRINUSE", NULL };

const char *const run_fault_names[] = { "reset", "stall", "kill", NULL };

_Static_assert(ARRAY_LEN(run_fault_names) == RUN_FAULTS + 1, "one name per value");
_Static_assert(ARRAY_LEN(run_error_names) == RUN_ERRORS + 1, "one name per value");
_Static_assert(ARRAY_LEN(run_gate_names) == RUN_GATES + 1, "one name per value");
_Static_assert(ARRAY_LEN(run_output_names) == RUN_OUTPUTS + 1, "one name per value");
_Static_assert(ARRAY_LEN(run_processes_names) == RUN_PROCESSES + 1, "one name per value");
_Static_assert(ARRAY_LEN(run_color_names) == RUN_COLORS + 1, "one name per value");

int run_ports_add(struct run_ports *ports, const char *text)
{
	const char *dash = strchr(text, '-');
	cleanup_free char *first_text = dash ? str_copy_len(text, (size_t)(dash - text))
	                                     : str_copy(text);
	long first = 0, last = 0;
	int ret = str_number(first_text, 1, 65535, &first);

	if (ret)
		return ret;
	ret = str_number(dash ? dash + 1 : text, 1, 65535, &last);
	if (ret)
		return ret;
	if (first > last)
		return -ERANGE;
	ports->ranges = mem_grow(ports->ranges, ports->count + 1, sizeof(*ports->ranges));
	ports->ranges[ports->count++] = (struct run_port_range){ (uint16_t)first, (uint16_t)last };
	return 0;
}

static void free_databases(struct run_database *databases, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		free(databases[i].name);
		free(databases[i].url);
		free(databases[i].setup);
		strv_free(databases[i].inputs);
		strv_free(databases[i].settings);
		free(databases[i].start);
		free(databases[i].ready);
		free(databases[i].stop);
	}
	free(databases);
}

static void free_allow(struct run_allow *allow, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		free(allow[i].ports.ranges);
		free(allow[i].program);
		free(allow[i].stack);
	}
	free(allow);
}

unsigned int run_options_workers(const struct run_options *options)
{
	if (options->tasks)
		return (unsigned int)strv_len(options->tasks);
	return options->workers ? options->workers : 1;
}

void run_options_free(struct run_options *options)
{
	strv_free(options->command);
	strv_free(options->tasks);
	strv_free(options->each_files);
	free(options->each_command);
	free(options->shard_given);
	free(options->shard_times);
	strv_free(options->all_tasks);
	free(options->expected_ms);
	free(options->task_pools);
	strv_free(options->databases);
	free_databases(options->database_list, options->database_count);
	free_allow(options->allow, options->allow_count);
	free(options->alarms);
	free(options->hook);
	free(options->faults.of);
	strv_free(options->collect);
	strv_free(options->share_paths);
	free(options->ports.ranges);
	free(options->share.ranges);
	free(options->setup);
	free(options->snapshot);
	free(options->results_dir);
	free(options->json_file);
	free(options->junit_file);
	free(options->html_file);
	free(options->trace_file);
	free(options->markdown_file);
	free(options->gitlab_file);
	strv_free(options->merge);
	free(options->name);
	free(options->environment_dir);
	free(options->project_dir);
	*options = (struct run_options){ 0 };
}
