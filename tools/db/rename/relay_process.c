/* SPDX-License-Identifier: MIT */
/*
 * The relay process of one worker: creates its databases, relays its connections, carries out the
 * supervisor's orders, and drops the databases at the end. Straight-line code; only the relays need
 * the loop. The worker's port map is shared memory, so this process itself moves the worker to its
 * next real port when another program holds one.
 */
#include "tools/db/rename/relay_process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/process/confine.h"
#include "tools/process/coprocess.h"

void rename_confine(const struct db *db)
{
	unsigned int needs = 0;

	for (unsigned int i = 0; i < db->url_count; i++)
		if (*db->urls[i].host == '/')
			needs = CONFINE_FOR_SOCKET;
	(void)confine(CONFINE_RELAY, needs);
}

/* --- the relays --- */

static void on_abandoned(void *arg, int64_t since_ms)
{
	const struct relay_process *self = arg;

	coproc_report(self->line, "abandoned %lld@%lld", (long long)(clock_ms() - since_ms),
	              (long long)since_ms);
}

static void on_created(void *arg)
{
	struct relay_process *self = arg;

	self->needs_comment = true;
}

static void on_server_refusal(void *arg, unsigned int count, const char *why)
{
	const struct relay_process *self = arg;

	coproc_report(self->line, "server-refused %u times in a row: %s", count, why);
}

static void on_slow(void *arg, int64_t ms, const char *text, size_t len)
{
	struct relay_process *self = arg;
	cleanup_str struct str shown = { 0 };

	if (self->slow_count++ >= DB_SLOW_MAX)
		return;
	slow_show(text, len, &shown);
	coproc_report(self->line, "slow %lld %s", (long long)ms, shown.text ? shown.text : "");
}

static int listen_port(struct relay_process *self, unsigned int port)
{
	struct db_worker *worker = self->worker;
	const struct db_url *url = db_url_at(self->db, port);
	struct relay_setup setup = { .loop = self->loop,
		                     .names = &self->names,
		                     .port = worker->real[port],
		                     .socket_path = self->socket_paths[port],
		                     .server_tls = url->server_host && url->tls,
		                     .offer_tls = url->tls,
		                     .slow_ms = self->db->config.slow_query_ms,
		                     .on_slow = on_slow,
		                     .on_server_refusal = on_server_refusal,
		                     .on_abandoned = on_abandoned,
		                     .on_created = on_created,
		                     .arg = self };
	int ret;

	setup.host = db_url_server(url, &setup.server_port);
	for (;;) {
		berth_portmap_try(worker->map, setup.port);
		ret = relay_open(&setup, &self->relays[port]);
		if (ret != -EADDRINUSE)
			break;
		setup.port = berth_portmap_move(worker->map, BERTH_TCP, self->db->ports[port],
		                                setup.port);
		if (!setup.port)
			return ret;
	}
	if (!ret)
		berth_portmap_bound(worker->map, setup.port);
	return ret;
}

static int listen_all(struct relay_process *self)
{
	int ret = 0;

	for (unsigned int i = 0; i < self->db->port_count && !ret; i++)
		ret = listen_port(self, i);
	return ret;
}

static void cut_clients(struct relay_process *self)
{
	unsigned int open = 0;

	for (unsigned int i = 0; i < self->db->port_count; i++) {
		open += self->relays[i] ? relay_max_open(self->relays[i]) : 0;
		relay_close(steal(&self->relays[i]));
	}
	self->max_open = open > self->max_open ? open : self->max_open;
}

/* --- orders --- */

/* @word	of the line that reports a failure */
static void answer(const struct relay_process *self, const char *word, int error, const char *why,
                   int64_t began_ms)
{
	if (error)
		coproc_report(self->line, "%s %s", word, why ? why : strerror(-error));
	else
		coproc_report(self->line, "ready %lld", (long long)(clock_ms() - began_ms));
}

static void on_reset(struct relay_process *self, const char *snapshot)
{
	int64_t began_ms = clock_ms();
	cleanup_free char *why = NULL;
	int ret = *snapshot ? relay_databases_check_snapshot(self, snapshot, &why) : 0;

	if (ret) {
		answer(self, "refused", ret, why, began_ms);
		return;
	}
	free(self->reset_to);
	self->reset_to = *snapshot ? str_copy(snapshot) : NULL;
	self->snapshot = *snapshot ? self->reset_to : self->plan->snapshot;
	cut_clients(self);
	if (relay_databases_drop(self)) {
		ret = relay_databases_create(self, &why);
	} else {
		ret = -EBUSY;
		why = str_copy("the old ones are in use by sessions that its role may not end");
	}
	ret = ret ? ret : listen_all(self);
	answer(self, "error", ret, why, began_ms);
}

static void on_snapshot(struct relay_process *self, const char *snapshot)
{
	int64_t began_ms = clock_ms();
	cleanup_free char *why = NULL;
	int ret, unable_to_listen;

	cut_clients(self);
	ret = relay_databases_snapshot(self, snapshot, &why);
	unable_to_listen = listen_all(self);
	if (unable_to_listen)
		answer(self, "error", unable_to_listen, why, began_ms);
	else
		answer(self, "refused", ret, why, began_ms);
}

static void on_commit(struct relay_process *self, const char *unused)
{
	cleanup_free char *why = NULL;
	int ret;

	(void)unused;
	cut_clients(self);
	ret = relay_databases_seal(self, &why);
	if (ret)
		coproc_report(self->line, "error unable to make the template: %s",
		              why ? why : strerror(-ret));
	else
		coproc_report(self->line, "committed");
	self->over = true;
}

static void on_keep(struct relay_process *self, const char *unused)
{
	(void)unused;
	relay_databases_comment(self, true);
	self->keep = self->over = true;
}

static void on_drop(struct relay_process *self, const char *unused)
{
	(void)unused;
	self->over = true;
}

static void on_watch(struct relay_process *self, const char *unused)
{
	(void)unused;
	self->watches_pool = true;
}

static const struct {
	const char *word;
	void (*act)(struct relay_process *self, const char *argument); /* "" if there is none */
} orders[] = { { "reset", on_reset }, { "snapshot", on_snapshot }, { "commit", on_commit },
	       { "keep", on_keep },   { "drop", on_drop },         { "watch", on_watch } };

static void on_order(void *arg, int fd, uint32_t events)
{
	struct relay_process *self = arg;
	bool closed;
	cleanup_free char *text = coproc_receive(fd, 0, &closed);
	char *argument = text ? strchr(text, ' ') : NULL;

	(void)events;
	self->over |= closed;
	if (argument)
		*argument++ = '\0';
	for (size_t i = 0; text && i < ARRAY_LEN(orders); i++)
		if (!strcmp(text, orders[i].word))
			orders[i].act(self, argument ? argument : "");
}

/* --- main --- */

static int begin(struct relay_process *self, char **ret_why)
{
	int ret = loop_open(&self->loop);

	for (unsigned int i = 0; i < self->db->port_count && !ret; i++)
		ret = relay_databases_connect(self, i, ret_why);
	if (!ret && self->snapshot)
		ret = relay_databases_check_snapshot(self, self->snapshot, ret_why);
	ret = ret ? ret : relay_databases_create(self, ret_why);
	return ret ? ret : listen_all(self);
}

static void serve(struct relay_process *self)
{
	(void)loop_add(self->loop, self->line, EPOLLIN, on_order, self);
	relay_watch_begin(self);
	while (!self->over && !loop_step(self->loop, -1))
		;
}

/* @ret	of begin() */
static void end(struct relay_process *self, bool connected, int ret)
{
	cut_clients(self);
	if (connected) {
		coproc_report(self->line, "connections %u", self->max_open);
		relay_databases_report_leftover(self);
	}
	if (!self->keep && ret != -EEXIST && connected && !relay_databases_drop(self))
		coproc_report(self->line, "leftover");
	for (unsigned int i = 0; i < DB_PORTS_MAX; i++) {
		admin_close(self->admins[i]);
		free(self->socket_paths[i]);
	}
	free(self->reset_to);
}

void relay_process_main(void *arg, int line)
{
	struct rename_plan *plan = arg;
	struct relay_process self = { .plan = plan,
		                      .db = plan->db,
		                      .worker = plan->worker,
		                      .line = line,
		                      .snapshot = plan->snapshot };
	cleanup_free char *why = NULL;
	int64_t began_ms = clock_ms();
	bool connected;
	int ret;

	rename_confine(plan->db);
	names_init(&self.names, plan->suffix);
	for (unsigned int i = 0; i < plan->db->port_count; i++)
		self.socket_paths[i] = str_print("%s/w%u.s.PGSQL.%u", plan->socket_dir,
		                                 plan->worker->number, plan->db->ports[i]);
	for (unsigned int i = 0; i < self.db->url_count; i++)
		names_learn(&self.names, self.db->urls[i].name, strlen(self.db->urls[i].name));
	ret = begin(&self, &why);
	connected = self.admins[0]; /* asked now, because a restart of the server may end it */
	answer(&self, ret == -ECONNREFUSED ? "unreachable" : "error", ret, why, began_ms);
	if (!ret)
		serve(&self);
	end(&self, connected, ret);
}
