/* SPDX-License-Identifier: MIT */
/*
 * What both modes do with a worker: answer the run, record, lead clients to sockets, free it. In
 * the supervisor.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/mode/mode.h"

const char *const db_record_names[DB_RECORD_KINDS] = {
#define RECORD(id, name, ...) [DB_RECORD_##id] = name,
#include "tools/db/mode/records.def"
};

const struct db_url *db_url_at(const struct db *db, unsigned int i)
{
	const struct db_url *url = db->urls;

	while (url->port != db->ports[i])
		url++;
	return url;
}

/* Beside the run's other logs, if the results are kept per run. */
char *db_server_log(const struct db *db, unsigned int number, const struct db_server_spec *spec)
{
	const char *dir = db->config.log_dir;

	return str_print("%s/w%u.%s-%u.log",
	                 !dir || access(dir, W_OK) ? db->config.results_dir : dir, number,
	                 spec->engine->name, spec->port);
}

void db_worker_answer(struct db_worker *worker, int error, const char *text)
{
	db_ready_fn ready = worker->ready;

	worker->ready = NULL;
	worker->usable = !error;
	if (!error)
		(void)db_allocations_write(worker->db);
	if (ready)
		ready(worker->ready_arg, worker->number, error, text);
}

void db_worker_refuse(struct db_worker *worker, int error, const char *text)
{
	db_ready_fn ready = steal(&worker->ready);

	if (ready)
		ready(worker->ready_arg, worker->number, error, text);
}

void db_worker_gone(struct db_worker *worker)
{
	struct db *db = worker->db;
	struct db_worker **at = &db->workers;

	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	(void)db_allocations_write(db);
	if (worker->ready) {
		worker->ending = true;
		db_worker_answer(worker, -ECANCELED, "the run is ending");
	}
	free(worker);
	db->worker_gone(db);
}

void db_record(const struct db_worker *worker, enum db_record_kind kind, uint16_t port, int64_t ms,
               const char *detail)
{
	const struct db_config *config = &worker->db->config;

	if (config->record)
		config->record(config->arg, &(struct db_record){ .kind = kind,
		                                                 .worker = worker->number,
		                                                 .port = port,
		                                                 .ms = ms,
		                                                 .detail = detail });
}

static int add_rule(struct berth_portmap *map, const char *from, const char *to)
{
	for (unsigned int i = 0; i < BERTH_UNIX_RULES_MAX; i++) {
		struct berth_unix_rule *rule = &map->unix_rules[i];

		if (*rule->from && strcmp(rule->from, from))
			continue;
		if (strlen(from) >= BERTH_UNIX_PATH || strlen(to) >= BERTH_UNIX_PATH)
			return -ENAMETOOLONG;
		strcpy(rule->to, to);
		strcpy(rule->from, from);
		return 0;
	}
	return -ENOSPC;
}

int db_worker_socket_rules(struct db_worker *worker, unsigned int i, const char *path)
{
	const struct db *db = worker->db;
	const struct db_engine *engine = db->specs[i].engine;
	cleanup_free char *number = str_print("%u", db->ports[i]);
	int ret = 0;

	for (size_t at = 0; at < ARRAY_LEN(engine->sockets) && engine->sockets[at] && !ret; at++) {
		const char *usual = engine->sockets[at], *percent = strchr(usual, '%');
		cleanup_free char *from = percent ? str_print("%.*s%s", (int)(percent - usual),
		                                              usual, number)
		                                  : str_copy(usual);

		ret = add_rule(worker->map, from, path);
	}
	/* a URL may name the directory of the socket */
	for (unsigned int url = 0; url < db->url_count && !ret; url++) {
		cleanup_free char *from = str_print("%s/.s.PGSQL.%s", db->urls[url].host, number);

		if (*db->urls[url].host == '/' && db->urls[url].port == db->ports[i])
			ret = add_rule(worker->map, from, path);
	}
	return ret;
}
