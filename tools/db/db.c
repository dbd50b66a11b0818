/* SPDX-License-Identifier: MIT */
/*
 * The room's front: reads the URLs, chooses the mode, keeps the list of workers and tells the caller what happened. How a
 * worker gets its database is the business of a mode: private.c, shared.c.
 */
#include "tools/db/db.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/str.h"
#include "tools/db/mode/mode.h"
#include "tools/db/template/snapshot.h"

const char *const db_record_names[DB_RECORD_KINDS] = {
	[DB_RECORD_TEMPLATE] = "database_template",
	[DB_RECORD_READY] = "database_ready",
	[DB_RECORD_DIED] = "database_died",
	[DB_RECORD_KEPT] = "database_kept",
	[DB_RECORD_REMOVED] = "database_removed",
	[DB_RECORD_IDLE] = "database_idle_in_transaction",
	[DB_RECORD_POOL] = "database_pool",
	[DB_RECORD_CONNECTIONS] = "database_connections",
	[DB_RECORD_IDLE_ENDED] = "database_idle_ended",
	[DB_RECORD_SLOW] = "database_slow_query",
	[DB_RECORD_LEFTOVER] = "database_left",
	[DB_RECORD_BREAKER] = "database_breaker",
	[DB_RECORD_REFUSED] = "database_refused",
	[DB_RECORD_ABANDONED] = "database_session_abandoned",
};

static void db_free(struct db *db)
{
	for (unsigned int i = 0; i < db->url_count; i++)
		db_url_free(&db->urls[i]);
	free(db->urls);
	for (unsigned int i = 0; i < db->port_count; i++) {
		strv_free(db->specs[i].settings);
		free(db->specs[i].start);
		free(db->specs[i].ready);
		free(db->specs[i].stop);
	}
	free((char *)db->setup.run_id);
	free((char *)db->setup.project_dir);
	free((char *)db->setup.results_dir);
	free((char *)db->setup.run_dir);
	free((char *)db->setup.command);
	free((char *)db->setup.snapshot);
	strv_free((char **)db->setup.inputs);
	free(db);
}

static void copy_setup(struct db *db, const struct db_config *setup)
{
	db->setup = *setup;
	db->setup.run_id = str_copy(setup->run_id);
	db->setup.project_dir = str_copy(setup->project_dir);
	db->setup.results_dir = str_copy(setup->results_dir);
	db->setup.run_dir = str_copy(setup->run_dir);
	db->setup.command = setup->command && *setup->command ? str_copy(setup->command) : NULL;
	db->setup.inputs = strv_copy(setup->inputs);
	db->setup.snapshot = str_copy(setup->snapshot);
	if (!setup->template_quota_bytes)
		db->setup.template_quota_bytes = 4ull << 30;
	db->setup.entries = NULL; /* urls from here on: the texts hold passwords */
}

static int add_settings(struct db_server_spec *spec, char *const *settings)
{
	for (; settings && *settings; settings++) {
		if (spec->engine->ours || strcspn(*settings, "=") == 0 || !strchr(*settings, '=') ||
		    strpbrk(*settings, "\r\n"))
			return -EBADMSG;
		strv_add(&spec->settings, *settings);
	}
	return 0;
}

/* Return: 0; -EEXIST another kind has this port; -E2BIG; -EBADMSG something among its settings is none. */
static int add_spec(struct db *db, uint16_t port, const struct db_entry *entry)
{
	const struct db_engine *engine = db_engines[entry->kind];

	for (unsigned int i = 0; i < db->port_count; i++) {
		if (db->ports[i] == port && (db->specs[i].engine != engine || engine->ours))
			return -EEXIST;
		if (db->ports[i] == port)
			return add_settings(&db->specs[i], entry->settings);
	}
	if (db->port_count == DB_PORTS_MAX)
		return -E2BIG;
	db->specs[db->port_count] = (struct db_server_spec){
		port, engine, .start = entry->start ? str_copy(entry->start) : NULL,
		.ready = entry->ready ? str_copy(entry->ready) : NULL,
		.stop = entry->stop ? str_copy(entry->stop) : NULL
	};
	db->ports[db->port_count] = port;
	return add_settings(&db->specs[db->port_count++], entry->settings);
}

static char *refusal_of(const struct db_url *url, size_t number, int error)
{
	const char *kind = db_engines[url->kind]->name;

	if (error == -EEXIST)
		return str_print("port %u is wanted by two servers that are not the same",
		                 url->port);
	if (error == -E2BIG)
		return str_print("more than %d database ports", DB_PORTS_MAX);
	if (error == -EBADMSG)
		return str_print("the settings of database number %zu: each is NAME=VALUE, and a "
		                 "command has none",
		                 number);
	if (error == -ENOTSUP)
		return str_print(
			"host '%s' is not this machine, and only local addresses are remapped\n"
			"hint: let the suite say localhost, and Berth where that is: "
			"postgresql://ROLE:PASSWORD@localhost:%u/%s?server=%s:%u",
			url->host, url->port, url->name, url->host, url->port);
	if (error == -EDESTADDRREQ)
		return str_print("'server' in the URL of database '%s' wants a local host before "
		                 "it, and --db-mode rename or auto",
		                 url->name);
	if (error == -ENODATA)
		return str_print("database number %zu, of kind %s, needs a port%s", number, kind,
		                 url->kind == DB_KIND_COMMAND ? " and a start command" : "");
	return str_print("database number %zu is neither a name nor a URL of kind %s", number,
	                 kind);
}

static int read_one(struct db *db, const struct db_entry *entry, const char *default_url,
                    char **ret_reason)
{
	struct db_url *url = &db->urls[db->url_count];
	int ret = db_url_parse_kind(entry->kind, entry->text, default_url, url);

	if (ret) {
		*url = (struct db_url){ .kind = entry->kind };
	} else {
		db->url_count++;
		url->port = entry->port ? entry->port : url->port;
		if (!db_url_local(url) || (url->server_host && db->mode == DB_PRIVATE))
			ret = url->server_host ? -EDESTADDRREQ : -ENOTSUP;
		else if (!url->port || (entry->kind == DB_KIND_COMMAND && !entry->start))
			ret = -ENODATA;
		else
			ret = add_spec(db, url->port, entry);
	}
	if (ret)
		*ret_reason = refusal_of(url, db->url_count + (ret == -EINVAL), ret);
	return ret;
}

static int read_entries(struct db *db, const struct db_entry *entries, unsigned int count,
                        char **ret_reason)
{
	cleanup_free char *default_url = db_url_default(db->setup.project_dir);
	int ret = 0;

	db->urls = mem_alloc((count + 1) * sizeof(*db->urls));
	for (unsigned int i = 0; i < count && !ret; i++)
		ret = read_one(db, &entries[i], default_url, ret_reason);
	if (default_url)
		explicit_bzero(default_url, strlen(default_url));
	return ret;
}

/* The databases of a shared server are renamed; what is of another kind is not this room's. */
static void skip_other_kinds(struct db *db)
{
	unsigned int ports = 0, urls = 0;

	for (unsigned int i = 0; i < db->port_count; i++) {
		if (db->specs[i].engine != &db_engine_postgres)
			continue;
		db->ports[ports] = db->ports[i];
		db->specs[ports++] = db->specs[i];
	}
	for (unsigned int i = 0; i < db->url_count; i++) {
		if (db->urls[i].kind == DB_KIND_POSTGRES)
			db->urls[urls++] = db->urls[i];
		else
			db_url_free(&db->urls[i]);
	}
	db->skipped = db->url_count - urls;
	db->port_count = ports;
	db->url_count = urls;
}

unsigned int db_skipped(const struct db *db)
{
	return db->skipped;
}

/* Loopback answers at once; 20 ms is for a machine that is very busy. */
enum { LOOPBACK_MS = 20, ELSEWHERE_MS = 2000 };

static bool listens(const struct sockaddr *address, socklen_t len, int timeout_ms)
{
	cleanup_close int fd = socket(address->sa_family,
	                              SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t error_len = sizeof(error);

	if (fd < 0)
		return false;
	if (!connect(fd, address, len))
		return true;
	if (errno != EINPROGRESS || poll(&wait, 1, timeout_ms) != 1)
		return false;
	return !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) && !error;
}

bool db_port_answers(uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		                   .sin6_port = htons(port),
		                   .sin6_addr = in6addr_loopback };

	return listens((struct sockaddr *)&v4, sizeof(v4), LOOPBACK_MS) ||
	       listens((struct sockaddr *)&v6, sizeof(v6), LOOPBACK_MS);
}

const struct db_url *db_url_at(const struct db *db, unsigned int i)
{
	const struct db_url *url = db->urls;

	while (url->port != db->ports[i])
		url++;
	return url;
}

bool db_url_answers(const struct db_url *url)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found;
	uint16_t number;
	const char *host = db_url_server(url, &number);
	cleanup_free char *port = str_print("%u", number);
	bool answers = false;

	if (!url->server_host)
		return db_port_answers(url->port);
	if (getaddrinfo(host, port, &hints, &found))
		return false;
	for (struct addrinfo *one = found; one && !answers; one = one->ai_next)
		answers = listens(one->ai_addr, one->ai_addrlen, ELSEWHERE_MS);
	freeaddrinfo(found);
	return answers;
}

static bool server_answers(const struct db *db)
{
	for (unsigned int i = 0; i < db->url_count; i++)
		if (db->urls[i].kind == DB_KIND_POSTGRES &&
		    (db->urls[i].server_host || db_port_answers(db->urls[i].port)))
			return true;
	return false;
}

/* Those of a server that somebody else runs are not ours to set. */
static bool has_settings(const struct db *db)
{
	for (unsigned int i = 0; i < db->port_count; i++)
		if (db->specs[i].engine == &db_engine_postgres && db->specs[i].settings)
			return true;
	return false;
}

static const struct db_mode_ops *const modes[DB_MODES] = {
	[DB_PRIVATE] = &db_mode_private,
	[DB_RENAME] = &db_mode_rename,
};

static int open_mode(struct db *db, char **ret_reason)
{
	bool set = has_settings(db), answers = db->mode == DB_AUTO && !set && server_answers(db);
	const char *why = db->mode != DB_AUTO ? "as asked"
	                  : set               ? "settings are asked for"
	                  : answers           ? "a server answers"
	                                      : "no server answers";
	cleanup_free char *detail = NULL;
	int ret;

	if (db->mode == DB_AUTO)
		db->mode = answers ? DB_RENAME : DB_PRIVATE;
	if (db->mode == DB_RENAME)
		skip_other_kinds(db);
	if (!db->url_count) /* nothing of it is PostgreSQL */
		db->mode = DB_PRIVATE;
	if (db->mode == DB_RENAME && set) {
		*ret_reason = str_copy("a shared server takes no `settings`: leave them out, or "
		                       "the mode to Berth");
		return -EINVAL;
	}
	db->ops = modes[db->mode];
	if (!db->ops)
		return -ENOTSUP;
	ret = db->ops->open(db, &detail);
	if (ret && !detail)
		detail = str_copy(strerror(-ret));
	*ret_reason = str_print("%s (%s)%s%s", db->ops->name, why, detail ? ": " : "",
	                        detail ? detail : "");
	return ret;
}

int db_open(const struct db_config *setup, struct db **ret_db, char **ret_reason)
{
	struct db *db = mem_alloc(sizeof(*db));
	int ret;

	*ret_reason = NULL;
	copy_setup(db, setup);
	db->mode = setup->mode;
	ret = read_entries(db, setup->entries, setup->entry_count, ret_reason);
	if (!ret && db->setup.snapshot && !snapshot_named(db->setup.snapshot)) {
		ret = -EINVAL;
		*ret_reason = snapshot_refusal(db->setup.snapshot, ret);
	}
	if (!ret && (!db->url_count || db->mode == DB_OFF)) {
		db->mode = DB_OFF;
		*ret_reason = str_copy("off");
	} else if (!ret) {
		ret = open_mode(db, ret_reason);
	}
	if (ret)
		db_free(db);
	else
		*ret_db = db;
	return ret;
}

enum db_mode db_mode_of(const struct db *db)
{
	return db->mode;
}

static struct db_worker *find(const struct db *db, unsigned int number)
{
	struct db_worker *worker = db->workers;

	while (worker && (worker->number != number || worker->ending))
		worker = worker->next;
	return worker;
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

static void off_ready(void *arg)
{
	struct db_worker *worker = arg;

	worker->mode_data = NULL;
	db_worker_answer(worker, 0, "");
}

int db_worker_prepare(struct db *db, unsigned int number, const char *task,
                      struct berth_portmap *map, db_ready_fn ready, void *arg)
{
	struct db_worker *worker;
	int ret = 0;

	if (db->closing || find(db, number))
		return -EALREADY;
	worker = mem_alloc(sizeof(*worker));
	*worker = (struct db_worker){ .db = db,
		                      .number = number,
		                      .task = task,
		                      .map = map,
		                      .ready = ready,
		                      .ready_arg = arg,
		                      .next = db->workers,
		                      .began_ms = clock_ms() };
	db->workers = worker;
	for (unsigned int i = 0; i < db->port_count && db->mode != DB_OFF && !ret; i++) {
		worker->real[i] = berth_portmap_declare(map, db->ports[i]);
		ret = worker->real[i] ? 0 : -ENOSPC;
	}
	if (db->mode == DB_OFF)
		worker->mode_data = loop_after(db->setup.loop, 0, off_ready, worker);
	else if (!ret)
		ret = db->ops->prepare(worker);
	if (ret) {
		db->workers = worker->next;
		free(worker);
	}
	return ret;
}

/* Return: 0: its order can be carried out now, and @ready is called when it was; -ENOENT, -EALREADY. */
static int take_order(struct db *db, unsigned int number, db_ready_fn ready, void *arg,
                      struct db_worker **ret_worker)
{
	struct db_worker *worker = find(db, number);

	if (!worker || !worker->usable || db->mode == DB_OFF)
		return -ENOENT;
	if (worker->ready)
		return -EALREADY;
	worker->ready = ready;
	worker->ready_arg = arg;
	worker->began_ms = clock_ms();
	*ret_worker = worker;
	return 0;
}

int db_worker_reset(struct db *db, unsigned int number, const char *snapshot, db_ready_fn ready,
                    void *arg)
{
	struct db_worker *worker;
	int ret = snapshot && !snapshot_named(snapshot)
	                  ? -EINVAL
	                  : take_order(db, number, ready, arg, &worker);

	if (ret)
		return ret;
	ret = db->ops->reset(worker, snapshot);
	if (ret)
		worker->ready = NULL;
	return ret;
}

int db_worker_snapshot(struct db *db, unsigned int number, const char *name, db_ready_fn ready,
                       void *arg)
{
	struct db_worker *worker;
	int ret = snapshot_named(name) ? take_order(db, number, ready, arg, &worker) : -EINVAL;

	if (ret)
		return ret;
	ret = db->ops->snapshot(worker, name);
	if (ret)
		worker->ready = NULL;
	return ret;
}

bool db_busy(const struct db *db)
{
	return db->workers;
}

static void finish(void *arg)
{
	struct db *db = arg;
	void (*closed)(void *) = db->closed;
	void *closed_arg = db->closed_arg;

	if (db->ops)
		db->ops->close(db);
	db_free(db);
	if (closed)
		closed(closed_arg);
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
	if (db->closing && !db->workers)
		(void)loop_after(db->setup.loop, 0, finish, db);
}

/* Over TLS libpq tells the server that it could bind SCRAM to it. It cannot: that TLS ends at the relay (session_server.c). */
void db_worker_environ(const struct db *db, char ***envp)
{
	if (db->mode == DB_RENAME && !environ_get(*envp, "PGCHANNELBINDING"))
		environ_set(envp, "PGCHANNELBINDING", "disable");
}

static void end_worker(struct db_worker *worker, bool failed)
{
	worker->ending = true;
	worker->failed = failed;
	if (worker->db->ops) {
		worker->db->ops->end(worker);
		return;
	}
	loop_cancel(worker->db->setup.loop, worker->mode_data);
	db_worker_gone(worker);
}

void db_worker_end(struct db *db, unsigned int number, bool failed)
{
	struct db_worker *worker = find(db, number);

	if (worker)
		end_worker(worker, failed);
}

void db_close(struct db *db, void (*done)(void *arg), void *arg)
{
	if (!db) {
		if (done)
			done(arg);
		return;
	}
	db->closed = done;
	db->closed_arg = arg;
	for (struct db_worker *worker = db->workers, *next; worker; worker = next) {
		next = worker->next;
		if (!worker->ending)
			end_worker(worker, true);
	}
	db->closing = true;
	if (!db->workers)
		(void)loop_after(db->setup.loop, 0, finish, db);
}

void db_record(const struct db_worker *worker, enum db_record_kind kind, uint16_t port, int64_t ms,
               const char *detail)
{
	const struct db_config *setup = &worker->db->setup;

	if (setup->record)
		setup->record(setup->arg, &(struct db_record){ .kind = kind,
		                                               .worker = worker->number,
		                                               .database = "",
		                                               .physical = "",
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
	/* a directory that the URL names */
	for (unsigned int url = 0; url < db->url_count && !ret; url++) {
		cleanup_free char *from = str_print("%s/.s.PGSQL.%s", db->urls[url].host, number);

		if (*db->urls[url].host == '/' && db->urls[url].port == db->ports[i])
			ret = add_rule(worker->map, from, path);
	}
	return ret;
}
