/* SPDX-License-Identifier: MIT */
/*
 * Writes allocated-databases.json: an array with one object for each database that a worker has
 * now. It is replaced atomically, so `jq length` counts them at any time. It has no credentials.
 *
 * Several runs may share the directory. Each replaces its own entries and those of dead
 * supervisors, under a lock on the directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/json.h"
#include "tools/base/str.h"
#include "tools/db/mode/mode.h"

static unsigned int port_index(const struct db *db, uint16_t port)
{
	unsigned int i = 0;

	while (i + 1 < db->port_count && db->ports[i] != port)
		i++;
	return i;
}

static json_t *describe(const struct db_worker *worker, unsigned int i)
{
	const struct db *db = worker->db;
	const struct db_url *url = &db->urls[i];
	cleanup_free char *physical = db->ops->physical(worker, i);

	return json_pack("{s:s, s:i, s:i, s:o, s:s, s:s, s:s, s:i, s:i, s:s}", "run",
	                 db->config.run_id, "pid", (int)getpid(), "worker", (int)worker->number,
	                 "task", json_text(worker->task ? worker->task : ""), "mode",
	                 db_mode_names[db->mode], "logical", url->name, "physical", physical,
	                 "port", (int)url->port, "real_port",
	                 (int)worker->real[port_index(db, url->port)], "role", url->role);
}

/* Return: the entry belongs to another run, which is alive. */
static bool others(const json_t *entry, const char *run_id)
{
	const char *run = json_string_value(json_object_get(entry, "run"));
	pid_t pid = (pid_t)json_integer_value(json_object_get(entry, "pid"));

	return run && strcmp(run, run_id) && pid > 0 && (!kill(pid, 0) || errno == EPERM);
}

static json_t *entries_of_others(const char *path, const char *run_id)
{
	json_t *old = json_load_file(path, 0, NULL), *list = json_array(), *entry;
	size_t i;

	json_array_foreach(old, i, entry) if (others(entry, run_id)) json_array_append(list, entry);
	json_decref(old);
	return list;
}

int db_allocations_write(const struct db *db)
{
	cleanup_close int lock = -1;
	cleanup_free char *path = NULL, *text = NULL;
	json_t *list;

	if (!db->config.results_dir || !db->ops)
		return 0;
	lock = open(db->config.results_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX))
		return -errno;
	path = str_print("%s/allocated-databases.json", db->config.results_dir);
	list = entries_of_others(path, db->config.run_id);
	for (const struct db_worker *worker = db->workers; worker; worker = worker->next)
		for (unsigned int i = 0; i < db->url_count && worker->usable; i++)
			json_array_append_new(list, describe(worker, i));
	text = json_dumps(list, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(list);
	return text ? file_replace(path, text, strlen(text), 0644) : -EINVAL;
}
