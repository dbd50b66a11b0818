/* SPDX-License-Identifier: MIT */
/*
 * allocated-databases.json: an array with one object per database that a worker has at this moment, replaced atomically,
 * so that `jq length` counts them at any time. It holds no credentials.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/pg/room.h"

static unsigned int port_index(const struct pg *pg, uint16_t port)
{
	unsigned int i = 0;

	while (i + 1 < pg->port_count && pg->ports[i] != port)
		i++;
	return i;
}

static json_t *describe(const struct pg_worker *worker, unsigned int i)
{
	const struct pg *pg = worker->pg;
	const struct pg_url *url = &pg->urls[i];
	cleanup_free char *physical = pg->ops->physical(worker, i);

	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:i, s:i, s:s}", "run", pg->setup.run_id, "worker",
			 (int)worker->number, "task", worker->task ? worker->task : "", "mode", pg->ops->name, "logical",
			 url->name, "physical", physical, "port", (int)url->port, "real_port",
			 (int)worker->real[port_index(pg, url->port)], "role", url->role);
}

int pg_allocations_write(const struct pg *pg)
{
	cleanup_free char *path = NULL, *text = NULL;
	json_t *list;
	int ret;

	if (!pg->setup.results_dir || !pg->ops)
		return 0;
	path = str_print("%s/allocated-databases.json", pg->setup.results_dir);
	list = json_array();
	for (const struct pg_worker *worker = pg->workers; worker; worker = worker->next)
		for (unsigned int i = 0; i < pg->url_count && worker->usable; i++)
			json_array_append_new(list, describe(worker, i));
	text = json_dumps(list, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(list);
	if (!text)
		return -EINVAL;
	ret = file_replace(path, text, strlen(text), 0644);
	return ret;
}
