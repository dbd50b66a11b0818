/* SPDX-License-Identifier: MIT */
/*
 * Explains what happens to a port: first by the settings, then in the live runs. The argument may
 * be a virtual port, or a real port that the user saw in ss(8). So this file looks at both sides of
 * every port map.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/cli/settings/config.h"
#include "tools/cli/explain/explain.h"
#include "tools/cli/settings/lint.h"
#include "tools/cli/common/maps.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/term.h"
#include "tools/ports/ports.h"

struct answer {
	const char *kind; /* "declared", "shared", "range", "ephemeral", "undeclared" */
	char *why;        /* a sentence */
};

static char *where(const struct cli *cli, enum option_id option)
{
	return str_print("%s:%u", cli->config ? cli->config : "berth.yaml",
	                 cli->set_by[option].line);
}

static struct answer from_settings(const struct cli *cli, unsigned int port)
{
	const struct run_options *run = &cli->run;
	unsigned int low, high, first = run->range_first ? run->range_first : PORTS_RANGE_FIRST;
	unsigned int last = run->range_first ? run->range_last : PORTS_RANGE_LAST;
	cleanup_free char *at = NULL;

	file_read_ephemeral(&low, &high);
	if (lint_ports_have(&run->share, port)) {
		at = where(cli, OPTION_share);
		return (struct answer){ "shared",
			                str_print("%u is shared (%s): it is never remapped, every "
			                          "worker and the host have the "
			                          "same port %u",
			                          port, at, port) };
	}
	if (lint_ports_have(&run->ports, port)) {
		at = where(cli, OPTION_port);
		return (struct answer){
			"declared",
			str_print("%u is declared (%s): every worker has a real port for it "
			          "from the start, so a client that connects before the server "
			          "listens is refused",
			          port, at)
		};
	}
	if (port >= first && port <= last)
		return (struct answer){ "range",
			                str_print("%u lies in the range of real ports, %u-%u: a "
			                          "run gives it to a worker as "
			                          "the real end of a port that the suite asks for",
			                          port, first, last) };
	if (port >= low && port <= high)
		return (struct answer){ "ephemeral",
			                str_print("%u is ephemeral, one of %u-%u that the kernel "
			                          "gives to sockets that ask for "
			                          "port "
			                          "0; those are left alone. A bind of %u by number "
			                          "is remapped like any other; a connect to a "
			                          "server of the host is reported as foreign, or "
			                          "refused with strict",
			                          port, low, high, port) };
	return (struct answer){ "undeclared", str_print("%u is undeclared: a worker gets a real "
		                                        "port for it at its first bind; until then "
		                                        "a connect "
		                                        "goes to the host's own %u and is reported "
		                                        "as foreign, or refused with strict",
		                                        port, port) };
}

/* Return: what one worker's map says about @port; NULL if it has no entry. */
static char *in_worker(const struct state_worker *worker, unsigned int port, const char **ret_kind,
                       unsigned int *ret_other)
{
	const struct berth_portmap *map = NULL;
	cleanup_free struct maps_port *ports = NULL;
	char *text = NULL;
	unsigned int count;

	if (maps_open(worker, &map))
		return NULL;
	count = maps_ports(map, &ports);
	for (unsigned int i = 0; !text && i < count; i++) {
		const struct maps_port *row = &ports[i];
		const char *how = row->learned ? "learned" : "declared";

		if (row->virtual_port == port && row->state != BERTH_SLOT_LOST) {
			*ret_kind = how;
			*ret_other = row->real_port;
			text = str_print("is really %u (%s, %s)", row->real_port, how,
			                 maps_state_names[row->state]);
		} else if (row->real_port == port) {
			*ret_kind = "real";
			*ret_other = row->virtual_port;
			text = str_print("is what the suite calls %u (%s)", row->virtual_port,
			                 maps_state_names[row->state]);
		}
	}
	if (!text && port - map->block_base < map->block_len) {
		*ret_kind = "reserved";
		*ret_other = 0;
		text = str_copy("lies in its block and is not used yet");
	}
	if (!text && berth_portmap_real(map, BERTH_TCP, (uint16_t)port) == port) {
		*ret_kind = "shared";
		*ret_other = port;
		text = str_copy("is shared with the host");
	}
	maps_close(map);
	return text;
}

static void add_workers(const struct run_state *run, unsigned int port, struct term_table *table,
                        json_t *array)
{
	for (size_t i = 0; i < run->worker_count; i++) {
		const struct state_worker *worker = &run->workers[i];
		const char *kind = NULL;
		unsigned int other = 0;
		cleanup_free char *text = in_worker(worker, port, &kind, &other);

		if (!text)
			continue;
		term_cell(table, run->id);
		term_cellf(table, "w%u", worker->number);
		term_cell(table, worker->task);
		term_cellf(table, "%u %s", port, text);
		term_row(table);
		json_array_append_new(array,
		                      json_pack("{s:s, s:i, s:s?, s:s, s:i}", "run", run->id,
		                                "worker", (int)worker->number, "task", worker->task,
		                                "kind", kind, "other", (int)other));
	}
}

int explain_port(struct cli *cli, unsigned int port)
{
	struct run_state *runs = NULL;
	struct term_table table = { .indent = 2 };
	struct answer answer;
	size_t count = 0;
	json_t *workers, *root;
	int ret = config_load(cli);

	if (ret)
		return ret;
	answer = from_settings(cli, port);
	workers = json_array();
	(void)state_list(&runs, &count); /* an error means that there are no live runs */
	for (size_t i = 0; i < count; i++)
		if (runs[i].alive)
			add_workers(&runs[i], port, &table, workers);
	state_list_free(runs, count);
	root = json_pack("{s:i, s:s, s:s, s:o}", "port", (int)port, "kind", answer.kind, "why",
	                 answer.why, "workers", workers);
	if (cli->json) {
		output_json(root);
		term_clear(&table);
	} else {
		term_paragraph(0, answer.why);
		term_print(&table);
		json_decref(root);
	}
	free(answer.why);
	return 0;
}
