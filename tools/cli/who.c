/* SPDX-License-Identifier: MIT */
/* `berth who PORT`: the watch room looks, show_who.c puts it into words; exit status 0 owner known, 1 free, 3 invisible. */
#include "tools/watch/who.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/cli.h"
#include "tools/cli/show_who.h"
#include "tools/run/state.h"

/* The maps of the live runs; the strings stay those of @runs. */
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
			maps[count++] = (struct who_map){ .run = runs[i].id, .task = worker->task, .path = worker->map_path,
							  .worker = worker->number };
		}
	*ret_maps = maps;
	return count;
}

int verb_who(struct cli *cli)
{
	cleanup_free struct who_map *maps = NULL;
	cleanup_str struct str text = { 0 };
	struct run_state *runs = NULL;
	size_t run_count = 0, map_count;
	struct who *who;
	long port;
	int ret;

	if (str_number(cli->args[0], 1, 65535, &port))
		return cli_usage(cli, "expected a port from 1 to 65535, got '%s'", cli->args[0]);
	(void)state_list(&runs, &run_count); /* without runs there is still a port to look at */
	map_count = list_maps(runs, run_count, &maps);
	ret = who_find((uint16_t)port, maps, map_count, &who);
	state_list_free(runs, run_count);
	if (ret) {
		log_line("unable to list the sockets on port %ld: %s", port, strerror(-ret));
		return EXIT_USAGE;
	}
	(cli->json ? show_who_json : show_who_text)(who, NULL, 0, &text);
	fputs(text.text, stdout);
	ret = (int)who->verdict;
	who_free(who);
	return ret;
}
