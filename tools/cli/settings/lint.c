/* SPDX-License-Identifier: MIT */
/*
 * Valid settings that are probably mistakes. Each rule is a function in a table. A message
 * names the setting, the consequence, and the remedy.
 */
#include "tools/cli/settings/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/ports/ports.h"
#include "tools/run/plan.h"

static void add(char ***messages, const char *format, ...) PRINTF(2, 3);
static void add(char ***messages, const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list list;

	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	if (!strv_has(*messages, text))
		strv_add(messages, text);
}

bool lint_ports_have(const struct run_ports *ports, unsigned int port)
{
	for (unsigned int i = 0; i < ports->count; i++)
		if (port >= ports->ranges[i].first && port <= ports->ranges[i].last)
			return true;
	return false;
}

static struct run_port_range real_range(const struct run_options *options)
{
	if (options->range_first)
		return (struct run_port_range){ options->range_first, options->range_last };
	return (struct run_port_range){ PORTS_RANGE_FIRST, PORTS_RANGE_LAST };
}

static struct run_port_range ephemeral_range(void)
{
	unsigned int first, last;

	file_read_ephemeral(&first, &last);
	return (struct run_port_range){ (uint16_t)first, (uint16_t)last };
}

/*
 * Add a message for each of @ports that overlaps @other. @format: takes the overlap, and the
 * ends of @other
 */
static void add_overlaps(char ***messages, const struct run_ports *ports,
                         struct run_port_range other, const char *format)
{
	for (unsigned int i = 0; i < ports->count; i++) {
		unsigned int first = ports->ranges[i].first, last = ports->ranges[i].last;
		cleanup_free char *both = NULL;

		first = first > other.first ? first : other.first;
		last = last < other.last ? last : other.last;
		both = first == last ? str_print("%u", first) : str_print("%u-%u", first, last);
		if (first <= last)
			add(messages, format, both, other.first, other.last);
	}
}

static void port_in_range(const struct run_options *options, char ***messages)
{
	add_overlaps(messages, &options->ports, real_range(options),
	             "port %s lies in the range of real ports, %u-%u: choose another --range");
}

static void port_in_ephemeral(const struct run_options *options, char ***messages)
{
	add_overlaps(messages, &options->ports, ephemeral_range(),
	             "port %s is one that the kernel hands out by itself (%u-%u): a client of the "
	             "suite can get it first");
}

static void range_in_ephemeral(const struct run_options *options, char ***messages)
{
	struct run_port_range range = { options->range_first, options->range_last };

	if (range.first)
		add_overlaps(messages, &(struct run_ports){ &range, 1 }, ephemeral_range(),
		             "range: real ports %s are ones that the kernel hands out by itself "
		             "(%u-%u)");
}

static void more_than_range(const struct run_options *options, char ***messages)
{
	struct run_port_range range = real_range(options);
	unsigned int workers = run_options_workers(options), ports = range.last - range.first + 1u,
		     block = options->block_len ? options->block_len
	                                        : ports_block_len(ports, workers);

	if (workers * block > ports)
		add(messages,
		    "%u workers with blocks of %u need %u real ports, but the range %u-%u has %u",
		    workers, block, workers * block, range.first, range.last, ports);
}

static bool mentions(char *const *words, const char *text)
{
	for (; words && *words; words++)
		if (strstr(*words, text))
			return true;
	return false;
}

static void same_tasks(const struct run_options *options, char ***messages)
{
	if (strv_len(options->tasks) > 1 && options->command &&
	    !mentions(options->command, "{task}") && !mentions(options->command, "BERTH_TASK") &&
	    !strv_has(options->command, "sh"))
		add(messages, "command does not mention {task}: every task of each does the same, "
		              "unless it reads BERTH_TASK");
}

static void tree_for_collect(const struct run_options *options, char ***messages)
{
	if (options->collect && options->tree == TREE_SHARED)
		add(messages, "collect has no effect with tree: shared, where everything already "
		              "is in the project directory");
}

char *lint_plan(const struct run_options *options)
{
	static char *any_command[] = { (char *)(uintptr_t) "true", NULL };
	struct run_options copy = *options;
	struct plan *plan = NULL;
	char *error = NULL;

	if (!copy.command) /* the command line has it */
		copy.command = any_command;
	if (!plan_make(&copy, environ, &plan, &error)) {
		plan_free(plan);
		return NULL;
	}
	error[strcspn(error, "\n")] = 0; /* berth run gives the hint */
	return error;
}

void lint_options(const struct run_options *options, char ***messages)
{
	static void (*const rules[])(const struct run_options *options, char ***messages) = {
		port_in_range,   port_in_ephemeral, range_in_ephemeral,
		more_than_range, same_tasks,        tree_for_collect,
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		rules[i](options, messages);
}

/*
 * The port in the first `port: 3101` or `url: 'http://localhost:3101'` after @text, 0 if there is
 * none
 */
static unsigned int port_after(const char *text)
{
	const char *colon = strstr(text, "localhost:");
	const char *plain = strstr(text, "port:");
	const char *loopback = strstr(text, "127.0.0.1:");
	unsigned int port = 0;

	if (!colon || (loopback && loopback < colon))
		colon = loopback;
	if (plain && (!colon || plain < colon))
		(void)sscanf(plain, "port: %5u", &port);
	else if (colon)
		(void)sscanf(strchr(colon, ':'), ":%5u", &port);
	return port <= 65535 ? port : 0;
}

/*
 * Playwright connects to the port of its webServer before it starts the server: one that
 * listens there is reused.
 */
static void playwright(const struct run_options *options, const char *name, const char *text,
                       char ***messages)
{
	const char *server = strstr(text, "webServer");
	const char *reuse = server ? strstr(server, "reuseExistingServer:") : NULL;
	unsigned int line = 1, port = server ? port_after(server) : 0;

	if (!reuse || !port || lint_ports_have(&options->ports, port))
		return;
	reuse += strlen("reuseExistingServer:");
	if (str_starts(reuse + strspn(reuse, " \t"), "false"))
		return;
	for (const char *at = text; at < reuse; at++)
		line += *at == '\n';
	add(messages,
	    "%s:%u: reuseExistingServer looks for a server at port %u before the suite starts one, "
	    "and could find another checkout's: declare port: %u",
	    name, line, port, port);
}

void lint_project(const struct run_options *options, char ***messages)
{
	static const char *const names[] = { "playwright.config.ts", "playwright.config.js",
		                             "playwright.config.mjs", "playwright.config.cjs",
		                             "playwright.config.mts" };

	for (size_t i = 0; options->project_dir && i < ARRAY_LEN(names); i++) {
		cleanup_free char *path = str_print("%s/%s", options->project_dir, names[i]),
				  *text = NULL;

		if (!file_read(path, &text, NULL))
			playwright(options, names[i], text, messages);
	}
}
