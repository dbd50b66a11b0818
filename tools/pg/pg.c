/* SPDX-License-Identifier: MIT */
/*
 * The room's front: reads the URLs, chooses the mode, keeps the list of workers and tells the caller what happened. How a
 * worker gets its database is the business of a mode: private.c, shared.c.
 */
#include "tools/pg/pg.h"

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
#include "tools/pg/room.h"
#include "tools/pg/snapshot.h"

const char *const pg_record_names[PG_RECORD_KINDS] = {
	[PG_RECORD_TEMPLATE] = "database_template",
	[PG_RECORD_READY] = "database_ready",
	[PG_RECORD_DIED] = "database_died",
	[PG_RECORD_KEPT] = "database_kept",
	[PG_RECORD_REMOVED] = "database_removed",
	[PG_RECORD_IDLE] = "database_idle_in_transaction",
	[PG_RECORD_POOL] = "database_pool",
	[PG_RECORD_CONNECTIONS] = "database_connections",
	[PG_RECORD_IDLE_ENDED] = "database_idle_ended",
	[PG_RECORD_SLOW] = "database_slow_query",
	[PG_RECORD_LEFT] = "database_left",
	[PG_RECORD_BREAKER] = "database_breaker",
	[PG_RECORD_REFUSED] = "database_refused",
	[PG_RECORD_ABANDONED] = "database_session_abandoned",
};

static void pg_free(struct pg *pg)
{
	for (unsigned int i = 0; i < pg->url_count; i++)
		pg_url_free(&pg->urls[i]);
	free(pg->urls);
	for (unsigned int i = 0; i < pg->port_count; i++) {
		strv_free(pg->services[i].settings);
		free(pg->services[i].start);
		free(pg->services[i].ready);
		free(pg->services[i].stop);
	}
	free((char *)pg->setup.run_id);
	free((char *)pg->setup.project_dir);
	free((char *)pg->setup.results_dir);
	free((char *)pg->setup.run_dir);
	free((char *)pg->setup.command);
	free((char *)pg->setup.snapshot);
	strv_free((char **)pg->setup.inputs);
	free(pg);
}

static void copy_setup(struct pg *pg, const struct pg_setup *setup)
{
	pg->setup = *setup;
	pg->setup.run_id = str_copy(setup->run_id);
	pg->setup.project_dir = str_copy(setup->project_dir);
	pg->setup.results_dir = str_copy(setup->results_dir);
	pg->setup.run_dir = str_copy(setup->run_dir);
	pg->setup.command = setup->command && *setup->command ? str_copy(setup->command) : NULL;
	pg->setup.inputs = strv_copy(setup->inputs);
	pg->setup.snapshot = str_copy(setup->snapshot);
	if (!setup->template_quota_bytes)
		pg->setup.template_quota_bytes = 4ull << 30;
	pg->setup.wanted = NULL; /* urls from here on: the texts hold passwords */
}

static int add_settings(struct pg_service *service, char *const *settings)
{
	for (; settings && *settings; settings++) {
		if (service->engine->ours || strcspn(*settings, "=") == 0 ||
		    !strchr(*settings, '=') || strpbrk(*settings, "\r\n"))
			return -EBADMSG;
		strv_add(&service->settings, *settings);
	}
	return 0;
}

/* Return: 0; -EEXIST another kind has this port; -E2BIG; -EBADMSG something among its settings is none. */
static int add_service(struct pg *pg, uint16_t port, const struct pg_wanted *wanted)
{
	const struct pg_engine *engine = pg_engines[wanted->kind];

	for (unsigned int i = 0; i < pg->port_count; i++) {
		if (pg->ports[i] == port && (pg->services[i].engine != engine || engine->ours))
			return -EEXIST;
		if (pg->ports[i] == port)
			return add_settings(&pg->services[i], wanted->settings);
	}
	if (pg->port_count == PG_PORTS_MOST)
		return -E2BIG;
	pg->services[pg->port_count] = (struct pg_service){
		port, engine, .start = wanted->start ? str_copy(wanted->start) : NULL,
		.ready = wanted->ready ? str_copy(wanted->ready) : NULL,
		.stop = wanted->stop ? str_copy(wanted->stop) : NULL
	};
	pg->ports[pg->port_count] = port;
	return add_settings(&pg->services[pg->port_count++], wanted->settings);
}

static char *refuse_wanted(const struct pg_url *url, size_t number, int error)
{
	const char *kind = pg_engines[url->kind]->name;

	if (error == -EEXIST)
		return str_print("port %u is wanted by two servers that are not the same",
		                 url->port);
	if (error == -E2BIG)
		return str_print("more than %d database ports", PG_PORTS_MOST);
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
		                 url->kind == PG_KIND_COMMAND ? " and a start command" : "");
	return str_print("database number %zu is neither a name nor a URL of kind %s", number,
	                 kind);
}

static int read_one(struct pg *pg, const struct pg_wanted *wanted, const char *default_url,
                    char **ret_reason)
{
	struct pg_url *url = &pg->urls[pg->url_count];
	int ret = pg_url_parse_kind(wanted->kind, wanted->text, default_url, url);

	if (ret) {
		*url = (struct pg_url){ .kind = wanted->kind };
	} else {
		pg->url_count++;
		url->port = wanted->port ? wanted->port : url->port;
		if (!pg_url_local(url) || (url->server_host && pg->mode == PG_PRIVATE))
			ret = url->server_host ? -EDESTADDRREQ : -ENOTSUP;
		else if (!url->port || (wanted->kind == PG_KIND_COMMAND && !wanted->start))
			ret = -ENODATA;
		else
			ret = add_service(pg, url->port, wanted);
	}
	if (ret)
		*ret_reason = refuse_wanted(url, pg->url_count + (ret == -EINVAL), ret);
	return ret;
}

static int read_wanted(struct pg *pg, const struct pg_wanted *wanted, unsigned int count,
                       char **ret_reason)
{
	cleanup_free char *default_url = pg_url_default(pg->setup.project_dir);
	int ret = 0;

	pg->urls = mem_alloc((count + 1) * sizeof(*pg->urls));
	for (unsigned int i = 0; i < count && !ret; i++)
		ret = read_one(pg, &wanted[i], default_url, ret_reason);
	if (default_url)
		explicit_bzero(default_url, strlen(default_url));
	return ret;
}

/* The databases of a shared server are renamed; what is of another kind is not this room's. */
static void leave_others_out(struct pg *pg)
{
	unsigned int ports = 0, urls = 0;

	for (unsigned int i = 0; i < pg->port_count; i++) {
		if (pg->services[i].engine != &pg_engine_postgres)
			continue;
		pg->ports[ports] = pg->ports[i];
		pg->services[ports++] = pg->services[i];
	}
	for (unsigned int i = 0; i < pg->url_count; i++) {
		if (pg->urls[i].kind == PG_KIND_POSTGRES)
			pg->urls[urls++] = pg->urls[i];
		else
			pg_url_free(&pg->urls[i]);
	}
	pg->left_out = pg->url_count - urls;
	pg->port_count = ports;
	pg->url_count = urls;
}

unsigned int pg_left_out(const struct pg *pg)
{
	return pg->left_out;
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

bool pg_port_answers(uint16_t port)
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

const struct pg_url *pg_url_at(const struct pg *pg, unsigned int i)
{
	const struct pg_url *url = pg->urls;

	while (url->port != pg->ports[i])
		url++;
	return url;
}

bool pg_url_answers(const struct pg_url *url)
{
	struct addrinfo wanted = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found;
	uint16_t number;
	const char *host = pg_url_server(url, &number);
	cleanup_free char *port = str_print("%u", number);
	bool answers = false;

	if (!url->server_host)
		return pg_port_answers(url->port);
	if (getaddrinfo(host, port, &wanted, &found))
		return false;
	for (struct addrinfo *one = found; one && !answers; one = one->ai_next)
		answers = listens(one->ai_addr, one->ai_addrlen, ELSEWHERE_MS);
	freeaddrinfo(found);
	return answers;
}

static bool server_answers(const struct pg *pg)
{
	for (unsigned int i = 0; i < pg->url_count; i++)
		if (pg->urls[i].kind == PG_KIND_POSTGRES &&
		    (pg->urls[i].server_host || pg_port_answers(pg->urls[i].port)))
			return true;
	return false;
}

/* Those of a server that somebody else runs are not ours to set. */
static bool has_settings(const struct pg *pg)
{
	for (unsigned int i = 0; i < pg->port_count; i++)
		if (pg->services[i].engine == &pg_engine_postgres && pg->services[i].settings)
			return true;
	return false;
}

static const struct pg_mode_ops *const modes[PG_MODES] = {
	[PG_PRIVATE] = &pg_mode_private,
	[PG_RENAME] = &pg_mode_rename,
};

static int open_mode(struct pg *pg, char **ret_reason)
{
	bool set = has_settings(pg), answers = pg->mode == PG_AUTO && !set && server_answers(pg);
	const char *why = pg->mode != PG_AUTO ? "as asked"
	                  : set               ? "settings are asked for"
	                  : answers           ? "a server answers"
	                                      : "no server answers";
	cleanup_free char *detail = NULL;
	int ret;

	if (pg->mode == PG_AUTO)
		pg->mode = answers ? PG_RENAME : PG_PRIVATE;
	if (pg->mode == PG_RENAME)
		leave_others_out(pg);
	if (!pg->url_count) /* nothing of it is PostgreSQL */
		pg->mode = PG_PRIVATE;
	if (pg->mode == PG_RENAME && set) {
		*ret_reason = str_copy("a shared server takes no `settings`: leave them out, or "
		                       "the mode to Berth");
		return -EINVAL;
	}
	pg->ops = modes[pg->mode];
	if (!pg->ops)
		return -ENOTSUP;
	ret = pg->ops->open(pg, &detail);
	if (ret && !detail)
		detail = str_copy(strerror(-ret));
	*ret_reason = str_print("%s (%s)%s%s", pg->ops->name, why, detail ? ": " : "",
	                        detail ? detail : "");
	return ret;
}

int pg_open(const struct pg_setup *setup, struct pg **ret_pg, char **ret_reason)
{
	struct pg *pg = mem_alloc(sizeof(*pg));
	int ret;

	*ret_reason = NULL;
	copy_setup(pg, setup);
	pg->mode = setup->mode;
	ret = read_wanted(pg, setup->wanted, setup->wanted_count, ret_reason);
	if (!ret && pg->setup.snapshot && !snapshot_named(pg->setup.snapshot)) {
		ret = -EINVAL;
		*ret_reason = snapshot_refusal(pg->setup.snapshot, ret);
	}
	if (!ret && (!pg->url_count || pg->mode == PG_OFF)) {
		pg->mode = PG_OFF;
		*ret_reason = str_copy("off");
	} else if (!ret) {
		ret = open_mode(pg, ret_reason);
	}
	if (ret)
		pg_free(pg);
	else
		*ret_pg = pg;
	return ret;
}

enum pg_mode pg_mode_of(const struct pg *pg)
{
	return pg->mode;
}

static struct pg_worker *find(const struct pg *pg, unsigned int number)
{
	struct pg_worker *worker = pg->workers;

	while (worker && (worker->number != number || worker->ending))
		worker = worker->next;
	return worker;
}

void pg_worker_answer(struct pg_worker *worker, int error, const char *text)
{
	pg_ready_fn ready = worker->ready;

	worker->ready = NULL;
	worker->usable = !error;
	if (!error)
		(void)pg_allocations_write(worker->pg);
	if (ready)
		ready(worker->ready_arg, worker->number, error, text);
}

void pg_worker_refuse(struct pg_worker *worker, int error, const char *text)
{
	pg_ready_fn ready = steal(&worker->ready);

	if (ready)
		ready(worker->ready_arg, worker->number, error, text);
}

static void off_ready(void *arg)
{
	struct pg_worker *worker = arg;

	worker->mode_data = NULL;
	pg_worker_answer(worker, 0, "");
}

int pg_worker_prepare(struct pg *pg, unsigned int number, const char *task,
                      struct berth_portmap *map, pg_ready_fn ready, void *arg)
{
	struct pg_worker *worker;
	int ret = 0;

	if (pg->closing || find(pg, number))
		return -EALREADY;
	worker = mem_alloc(sizeof(*worker));
	*worker = (struct pg_worker){ .pg = pg,
		                      .number = number,
		                      .task = task,
		                      .map = map,
		                      .ready = ready,
		                      .ready_arg = arg,
		                      .next = pg->workers,
		                      .began_ms = clock_ms() };
	pg->workers = worker;
	for (unsigned int i = 0; i < pg->port_count && pg->mode != PG_OFF && !ret; i++) {
		worker->real[i] = berth_portmap_declare(map, pg->ports[i]);
		ret = worker->real[i] ? 0 : -ENOSPC;
	}
	if (pg->mode == PG_OFF)
		worker->mode_data = loop_after(pg->setup.loop, 0, off_ready, worker);
	else if (!ret)
		ret = pg->ops->prepare(worker);
	if (ret) {
		pg->workers = worker->next;
		free(worker);
	}
	return ret;
}

/* Return: 0: its order can be carried out now, and @ready is called when it was; -ENOENT, -EALREADY. */
static int take_order(struct pg *pg, unsigned int number, pg_ready_fn ready, void *arg,
                      struct pg_worker **ret_worker)
{
	struct pg_worker *worker = find(pg, number);

	if (!worker || !worker->usable || pg->mode == PG_OFF)
		return -ENOENT;
	if (worker->ready)
		return -EALREADY;
	worker->ready = ready;
	worker->ready_arg = arg;
	worker->began_ms = clock_ms();
	*ret_worker = worker;
	return 0;
}

int pg_worker_reset(struct pg *pg, unsigned int number, const char *snapshot, pg_ready_fn ready,
                    void *arg)
{
	struct pg_worker *worker;
	int ret = snapshot && !snapshot_named(snapshot)
	                  ? -EINVAL
	                  : take_order(pg, number, ready, arg, &worker);

	if (ret)
		return ret;
	ret = pg->ops->reset(worker, snapshot);
	if (ret)
		worker->ready = NULL;
	return ret;
}

int pg_worker_snapshot(struct pg *pg, unsigned int number, const char *name, pg_ready_fn ready,
                       void *arg)
{
	struct pg_worker *worker;
	int ret = snapshot_named(name) ? take_order(pg, number, ready, arg, &worker) : -EINVAL;

	if (ret)
		return ret;
	ret = pg->ops->snapshot(worker, name);
	if (ret)
		worker->ready = NULL;
	return ret;
}

bool pg_busy(const struct pg *pg)
{
	return pg->workers;
}

static void finish(void *arg)
{
	struct pg *pg = arg;
	void (*closed)(void *) = pg->closed;
	void *closed_arg = pg->closed_arg;

	if (pg->ops)
		pg->ops->close(pg);
	pg_free(pg);
	if (closed)
		closed(closed_arg);
}

void pg_worker_gone(struct pg_worker *worker)
{
	struct pg *pg = worker->pg;
	struct pg_worker **at = &pg->workers;

	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	(void)pg_allocations_write(pg);
	if (worker->ready) {
		worker->ending = true;
		pg_worker_answer(worker, -ECANCELED, "the run is ending");
	}
	free(worker);
	if (pg->closing && !pg->workers)
		(void)loop_after(pg->setup.loop, 0, finish, pg);
}

/* Over TLS libpq tells the server that it could bind SCRAM to it. It cannot: that TLS ends at the relay (session_server.c). */
void pg_worker_environ(const struct pg *pg, char ***envp)
{
	if (pg->mode == PG_RENAME && !environ_get(*envp, "PGCHANNELBINDING"))
		environ_set(envp, "PGCHANNELBINDING", "disable");
}

static void end_worker(struct pg_worker *worker, bool failed)
{
	worker->ending = true;
	worker->failed = failed;
	if (worker->pg->ops) {
		worker->pg->ops->end(worker);
		return;
	}
	loop_cancel(worker->pg->setup.loop, worker->mode_data);
	pg_worker_gone(worker);
}

void pg_worker_end(struct pg *pg, unsigned int number, bool failed)
{
	struct pg_worker *worker = find(pg, number);

	if (worker)
		end_worker(worker, failed);
}

void pg_close(struct pg *pg, void (*done)(void *arg), void *arg)
{
	if (!pg) {
		if (done)
			done(arg);
		return;
	}
	pg->closed = done;
	pg->closed_arg = arg;
	for (struct pg_worker *worker = pg->workers, *next; worker; worker = next) {
		next = worker->next;
		if (!worker->ending)
			end_worker(worker, true);
	}
	pg->closing = true;
	if (!pg->workers)
		(void)loop_after(pg->setup.loop, 0, finish, pg);
}

void pg_record(const struct pg_worker *worker, enum pg_record_kind kind, uint16_t port, int64_t ms,
               const char *detail)
{
	const struct pg_setup *setup = &worker->pg->setup;

	if (setup->record)
		setup->record(setup->arg, &(struct pg_record){ .kind = kind,
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

int pg_worker_socket_rules(struct pg_worker *worker, unsigned int i, const char *path)
{
	const struct pg *pg = worker->pg;
	const struct pg_engine *engine = pg->services[i].engine;
	cleanup_free char *number = str_print("%u", pg->ports[i]);
	int ret = 0;

	for (size_t at = 0; at < ARRAY_LEN(engine->sockets) && engine->sockets[at] && !ret; at++) {
		const char *usual = engine->sockets[at], *percent = strchr(usual, '%');
		cleanup_free char *from = percent ? str_print("%.*s%s", (int)(percent - usual),
		                                              usual, number)
		                                  : str_copy(usual);

		ret = add_rule(worker->map, from, path);
	}
	/* a directory that the URL names */
	for (unsigned int url = 0; url < pg->url_count && !ret; url++) {
		cleanup_free char *from = str_print("%s/.s.PGSQL.%s", pg->urls[url].host, number);

		if (*pg->urls[url].host == '/' && pg->urls[url].port == pg->ports[i])
			ret = add_rule(worker->map, from, path);
	}
	return ret;
}
