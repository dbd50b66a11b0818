/* SPDX-License-Identifier: MIT */
/*
 * `berth who PORT|PATH`: tools/watch/lookup/who.h finds the owner, show_who.c prints it. The exit
 * status is 0 if the owner is known, 1 if the port is free, 3 if the owner is invisible to this
 * user.
 */
#include "tools/watch/lookup/who.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/common/results.h"
#include "tools/cli/who/show_who.h"
#include "tools/report/history/history.h"
#include "tools/state/state.h"

enum { PAST_SHOWN = 5 };

/* List the port maps of the live runs. The strings belong to @runs. */
static size_t list_maps(const struct run_state *runs, size_t run_count, struct who_map **ret_maps)
{
	struct who_map *maps = NULL;
	size_t count = 0;

	for (size_t i = 0; i < run_count; i++)
		for (size_t k = 0; runs[i].alive && k < runs[i].worker_count; k++) {
			const struct state_worker *worker = &runs[i].workers[k];

			if (!worker->map_path)
				continue;
			maps = mem_grow(maps, count + 1, sizeof(*maps));
			maps[count++] = (struct who_map){ .run = runs[i].id,
				                          .task = worker->task,
				                          .path = worker->map_path,
				                          .worker = worker->number };
		}
	*ret_maps = maps;
	return count;
}

/* Former owners of the port from the project's history; NULL if there are none. */
static struct show_past *read_past(const struct cli *cli, int port, size_t *ret_count)
{
	struct history_owner *owners = NULL;
	struct history *history = NULL;
	struct show_past *past = NULL;

	*ret_count = 0;
	if (results_history(cli, &history))
		return NULL;
	if (!history_owners(history, port, PAST_SHOWN, &owners, ret_count))
		past = mem_alloc((*ret_count + 1) * sizeof(*past));
	for (size_t i = 0; past && i < *ret_count; i++)
		past[i] = (struct show_past){ .run = str_copy(owners[i].run),
			                      .task = str_copy(owners[i].task),
			                      .command = str_copy(owners[i].command),
			                      .worker = owners[i].worker,
			                      .pid = owners[i].pid,
			                      .since = show_time(owners[i].from_ms),
			                      .until = owners[i].until_ms
			                                       ? show_time(owners[i].until_ms)
			                                       : NULL };
	history_owners_free(owners, *ret_count);
	history_close(history);
	return past;
}

static void free_past(struct show_past *past, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(past[i].run);
		free(past[i].task);
		free(past[i].command);
		free(past[i].since);
		free(past[i].until);
	}
	free(past);
}

int verb_who(struct cli *cli)
{
	size_t past_count = 0;
	struct show_past *past;
	cleanup_free struct who_map *maps = NULL;
	cleanup_str struct str text = { 0 };
	struct run_state *runs = NULL;
	size_t run_count = 0, map_count;
	struct who *who;
	long port;
	int ret;

	if (strpbrk(cli->args[0], "/@"))
		port = 0;
	else if (str_number(cli->args[0], 1, 65535, &port))
		return cli_usage(cli, "expected a port from 1 to 65535, got '%s'", cli->args[0]);
	(void)state_list(&runs, &run_count); /* without runs, the port may still have an owner */
	map_count = list_maps(runs, run_count, &maps);
	ret = port ? who_find((uint16_t)port, maps, map_count, &who)
	           : who_find_path(cli->args[0], &who);
	state_list_free(runs, run_count);
	if (ret) {
		log_line("unable to list the sockets of '%s': %s", cli->args[0], strerror(-ret));
		return EXIT_USAGE;
	}
	past = port ? read_past(cli, (int)port, &past_count) : NULL;
	(cli->json ? show_who_json : show_who_text)(who, past, past_count, &text);
	free_past(past, past_count);
	if (!cli->json)
		str_plain(text.text, "\n");
	fputs(text.text, stdout);
	ret = (int)who->verdict;
	who_free(who);
	return ret;
}
