/* SPDX-License-Identifier: MIT */
/*
 * A worker's agent: straight-line code in a process of its own; only the relay needs a loop. The map of the worker is shared
 * memory, so the agent itself moves the worker to its next real port when an outsider holds one.
 *
 * Order, for crashes: lock, create, comment, serve; cut the clients, drop, unlock. The lock is the first thing taken and
 * the last thing given back.
 */
#include "tools/db/rename/processes.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/process/confine.h"
#include "tools/base/str.h"
#include "tools/db/rename/admin.h"
#include "tools/process/coprocess.h"
#include "tools/db/proxy/relay.h"
#include "tools/db/mode/record_line.h"

enum {
	HEARTBEAT_MS = 600000,
	LIVENESS_MS = 15000,
	HEALTH_MS = 1000,
	IDLE_MS = 60000,
	POOL_PERCENT = 80,
	DROP_MAX_MS = 5000,
	DROP_EVERY_MS = 100
};

/* a worker's agent */
struct relay_process {
	const struct rename_plan *plan;
	struct db *db;
	struct db_worker *worker;
	struct admin *admins[DB_PORTS_MAX]; /* by port */
	struct relay *relays[DB_PORTS_MAX];
	struct names names;
	struct loop *loop;
	int64_t beat_ms;
	int line;
	const char *snapshot; /* what its databases are made from now; NULL = the template */
	char *reset_to;       /* the memory of that, after a reset */
	bool over, keep;
	bool watches; /* the server as a whole: one of the run's agents does */
	/* the suite has created a database: one of ours, made anew, does not say yet whose it is */
	bool needs_comment;
	struct str leftover;   /* databases of the suite's own making, at the end: a record line */
	unsigned int max_open; /* connections at once; known when they are cut */
	unsigned int slow_count;
	bool idle_reported, pool_reported; /* until it is better again */
};

void rename_template_name(char name[RENAME_TEMPLATE_NAME], const char *hash, unsigned int url)
{
	snprintf(name, RENAME_TEMPLATE_NAME, "berth_tpl_%.24s_%u", hash, url % 100);
}

/* The logical name is part of it by its hash only: it may be 63 bytes long. */
static void snapshot_name(char name[RENAME_TEMPLATE_NAME], const char *snapshot,
                          const char *logical)
{
	snprintf(name, RENAME_TEMPLATE_NAME, "berth_snap_%.32s_%08x", snapshot,
	         names_hash(logical, strlen(logical)));
}

static unsigned int port_of(const struct db *db, unsigned int url)
{
	unsigned int i = 0;

	while (db->ports[i] != db->urls[url].port)
		i++;
	return i;
}

static char *physical_of(struct relay_process *self, unsigned int url)
{
	struct str name = { 0 };

	names_physical(&self->names, self->db->urls[url].name, strlen(self->db->urls[url].name),
	               &name);
	return str_take(&name);
}

static struct admin_lease lease_of(const struct relay_process *self, unsigned int url)
{
	return (struct admin_lease){ .run = self->db->setup.run_id,
		                     .task = self->worker->task ? self->worker->task : "",
		                     .suffix = self->plan->suffix,
		                     .logical = self->db->urls[url].name,
		                     .worker = self->worker->number };
}

void rename_confine(const struct db *db)
{
	unsigned int needs = 0;

	for (unsigned int i = 0; i < db->url_count; i++)
		if (*db->urls[i].host == '/')
			needs = CONFINE_FOR_SOCKET;
	(void)confine(CONFINE_RELAY, needs);
}

/* --- creating --- */

/* What a database is made from: a snapshot, the template, else the logical database itself, else nothing. */
static const char *source_of(struct relay_process *self, unsigned int url,
                             char name[RENAME_TEMPLATE_NAME])
{
	const char *logical = self->db->urls[url].name;
	bool is_template;

	if (!self->worker->number)
		return NULL;
	if (self->snapshot) {
		snapshot_name(name, self->snapshot, logical);
		return name;
	}
	if (self->plan->template_hash) {
		rename_template_name(name, self->plan->template_hash, url);
		return name;
	}
	return admin_exists(self->admins[port_of(self->db, url)], logical, &is_template) ? logical
	                                                                                 : NULL;
}

static bool is_shared(const struct relay_process *self, unsigned int url)
{
	return names_is_shared(self->db->urls[url].name, strlen(self->db->urls[url].name));
}

/* Return: 0; -ENODATA @snapshot does not have each database. */
static int check_snapshot(const struct relay_process *self, const char *snapshot, char **ret_why)
{
	for (unsigned int i = 0; i < self->db->url_count; i++) {
		char name[RENAME_TEMPLATE_NAME];
		bool is_template;

		snapshot_name(name, snapshot, self->db->urls[i].name);
		if (is_shared(self, i) ||
		    admin_exists(self->admins[port_of(self->db, i)], name, &is_template))
			continue;
		*ret_why = str_print("there is no snapshot '%s' of database '%s' on this server",
		                     snapshot, self->db->urls[i].name);
		return -ENODATA;
	}
	return 0;
}

static int create_one(struct relay_process *self, unsigned int url, char **ret_why)
{
	cleanup_free char *physical = physical_of(self, url), *why = NULL;
	struct admin_lease lease = lease_of(self, url);
	char name[RENAME_TEMPLATE_NAME];
	const char *source = source_of(self, url, name);
	int ret;

	if (is_shared(self, url))
		return 0;
	if (source == name)
		admin_use_template(self->admins[port_of(self->db, url)], name);
	ret = admin_create(self->admins[port_of(self->db, url)], physical, source, &lease, &why);
	if (ret)
		*ret_why = str_print("unable to create database '%s': %s%s", physical,
		                     why ? why : strerror(-ret),
		                     ret == -EPERM   ? "; role needs CREATEDB"
		                     : ret == -EBUSY ? "; end its sessions, or configure `setup` "
		                                       "so that a template is made"
		                                     : "");
	return ret;
}

static int create_all(struct relay_process *self, char **ret_why)
{
	int ret = 0;

	for (unsigned int i = 0; i < self->db->url_count && !ret; i++)
		ret = create_one(self, i, ret_why);
	return ret;
}

static int connect_port(struct relay_process *self, unsigned int port, char **ret_why)
{
	int ret = admin_open(db_url_at(self->db, port), self->line, &self->admins[port], ret_why);

	if (ret || admin_lock(self->admins[port], self->plan->suffix))
		return ret;
	*ret_why = str_copy("its lease is taken");
	/* or reconnect() would take it for one that has the lease */
	admin_close(steal(&self->admins[port]));
	return -EEXIST;
}

static void on_abandoned(void *arg, int64_t idle_ms)
{
	const struct relay_process *self = arg;

	coproc_tell(self->line, "abandoned %lld", (long long)idle_ms);
}

static void on_created(void *arg)
{
	struct relay_process *self = arg;

	self->needs_comment = true;
}

static void on_server_refusal(void *arg, unsigned int count, const char *why)
{
	const struct relay_process *self = arg;

	coproc_tell(self->line, "server-refused %u times in a row: %s", count, why);
}

static void on_slow(void *arg, int64_t ms, const char *text, size_t len)
{
	struct relay_process *self = arg;
	struct str shown = { 0 };

	if (self->slow_count++ >= DB_SLOW_MAX)
		return;
	slow_show(text, len, &shown);
	coproc_tell(self->line, "slow %lld %s", (long long)ms, shown.text ? shown.text : "");
	str_free(&shown);
}

static int listen_port(struct relay_process *self, unsigned int port)
{
	struct db_worker *worker = self->worker;
	const struct db_url *url = db_url_at(self->db, port);
	cleanup_free char *path = str_print("%s/w%u.s.PGSQL.%u", self->plan->socket_dir,
	                                    worker->number, self->db->ports[port]);
	struct relay_setup setup = { .loop = self->loop,
		                     .names = &self->names,
		                     .port = worker->real[port],
		                     .socket_path = str_copy(path),
		                     .server_tls = url->server_host && url->tls,
		                     .offer_tls = url->tls,
		                     .slow_ms = self->db->setup.slow_query_ms,
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

static int begin(struct relay_process *self, char **ret_why)
{
	int ret = 0;

	for (unsigned int i = 0; i < self->db->port_count && !ret; i++)
		ret = connect_port(self, i, ret_why);
	if (!ret && self->snapshot)
		ret = check_snapshot(self, self->snapshot, ret_why);
	ret = ret ? ret : create_all(self, ret_why);
	return ret ? ret : listen_all(self);
}

/* --- while it lasts --- */

static void cut_clients(struct relay_process *self)
{
	unsigned int max = 0;

	for (unsigned int i = 0; i < self->db->port_count; i++) {
		max += self->relays[i] ? relay_max_open(self->relays[i]) : 0;
		relay_close(self->relays[i]);
		self->relays[i] = NULL;
	}
	self->max_open = max > self->max_open ? max : self->max_open;
}

/* After a restart of the server the session is gone, and the lock with it: take both again. */
static bool reconnect(struct relay_process *self, unsigned int port)
{
	cleanup_free char *why = NULL;

	if (self->admins[port] && admin_alive(self->admins[port]))
		return true;
	admin_close(self->admins[port]);
	self->admins[port] = NULL;
	return !connect_port(self, port, &why);
}

static void add_leftover(void *arg, const char *database)
{
	struct relay_process *self = arg;
	cleanup_str struct str logical = { 0 };

	names_logical(&self->names, database, strlen(database), &logical);
	for (unsigned int i = 0; i < self->db->url_count; i++)
		if (!strcmp(self->db->urls[i].name, logical.text))
			return;
	record_line_add_leftover(&self->leftover, logical.text);
}

/* What the suite has created besides its own, and not dropped. */
static void report_leftover(struct relay_process *self)
{
	for (unsigned int i = 0; i < self->db->port_count; i++)
		if (self->worker->number && self->admins[i])
			admin_each_suffix(self->admins[i], self->plan->suffix, add_leftover, self);
	if (self->leftover.len)
		coproc_tell(self->line, "%s", self->leftover.text);
	str_free(&self->leftover);
}

static bool drop_all(struct relay_process *self)
{
	bool dropped = true;

	for (unsigned int i = 0; i < self->db->port_count; i++)
		if (!reconnect(self, i) ||
		    admin_drop_suffix(self->admins[i], self->plan->suffix, true))
			dropped = false;
	return dropped;
}

/* A server that restarts is worth a few seconds, and so is the last statement of a role whose sessions ours may not end. */
static bool drop_in_time(struct relay_process *self)
{
	int64_t due_ms = clock_ms() + DROP_MAX_MS;

	while (!drop_all(self)) {
		if (clock_ms() >= due_ms)
			return false;
		poll(NULL, 0, DROP_EVERY_MS);
	}
	return true;
}

/* @word says of which kind a failure is. */
static void answer(const struct relay_process *self, const char *word, int error, const char *why,
                   int64_t began_ms)
{
	if (error)
		coproc_tell(self->line, "%s %s", word, why ? why : strerror(-error));
	else
		coproc_tell(self->line, "ready %lld", (long long)(clock_ms() - began_ms));
}

static void on_reset(struct relay_process *self, const char *snapshot)
{
	int64_t began = clock_ms();
	cleanup_free char *why = NULL;
	int ret = *snapshot ? check_snapshot(self, snapshot, &why) : 0;

	if (ret) {
		answer(self, "refused", ret, why, began);
		return;
	}
	free(self->reset_to);
	self->reset_to = *snapshot ? str_copy(snapshot) : NULL;
	self->snapshot = *snapshot ? self->reset_to : self->plan->snapshot;
	cut_clients(self);
	ret = drop_in_time(self) ? create_all(self, &why) : -EBUSY;
	if (ret == -EBUSY && !why)
		why = str_copy("the old ones are in use by sessions that its role may not end");
	ret = ret ? ret : listen_all(self);
	answer(self, "error", ret, why, began);
}

static void on_snapshot(struct relay_process *self, const char *snapshot)
{
	int64_t began = clock_ms();
	cleanup_free char *why = NULL;
	int ret = 0, deaf;

	cut_clients(self);
	for (unsigned int i = 0; i < self->db->url_count && !ret; i++) {
		cleanup_free char *physical = physical_of(self, i);
		struct admin_lease lease = lease_of(self, i);
		unsigned int port = port_of(self->db, i);
		char name[RENAME_TEMPLATE_NAME];

		snapshot_name(name, snapshot, lease.logical);
		if (is_shared(self, i))
			continue;
		ret = !reconnect(self, port)
		              ? -ECONNREFUSED
		              : admin_snapshot(self->admins[port], physical, &lease,
		                               &(struct admin_template){ .name = name,
		                                                         .logical = lease.logical,
		                                                         .snapshot = snapshot },
		                               &why);
	}
	deaf = listen_all(self);
	answer(self, deaf ? "error" : "refused", deaf ? deaf : ret, why, began);
}

/* Worker 0: its databases become the templates. The first one last: whoever looks for a template looks for that. */
static void on_commit(struct relay_process *self, const char *nothing)
{
	cleanup_free char *why = NULL;
	int ret = 0;

	(void)nothing;
	cut_clients(self);
	for (unsigned int i = self->db->url_count; i-- > 0 && !ret;) {
		cleanup_free char *physical = physical_of(self, i);
		char name[RENAME_TEMPLATE_NAME];

		if (is_shared(self, i))
			continue;
		rename_template_name(name, self->plan->template_hash, i);
		ret = admin_seal(
			self->admins[port_of(self->db, i)], physical,
			&(struct admin_template){ .name = name, .logical = self->db->urls[i].name },
			&why);
	}
	if (ret)
		coproc_tell(self->line, "error unable to make the template: %s",
		            why ? why : strerror(-ret));
	else
		coproc_tell(self->line, "committed");
	self->over = true;
}

/* Let each database say whose it is. */
static void comment_all(struct relay_process *self, bool kept)
{
	for (unsigned int i = 0; i < self->db->url_count; i++) {
		cleanup_free char *physical = physical_of(self, i);
		struct admin_lease lease = lease_of(self, i);
		unsigned int port = port_of(self->db, i);

		if (is_shared(self, i) || !reconnect(self, port))
			continue;
		if (!admin_comment(self->admins[port], physical, &lease, kept) && kept)
			coproc_tell(self->line, "kept %s", physical);
	}
}

static void on_keep(struct relay_process *self, const char *nothing)
{
	(void)nothing;
	comment_all(self, true);
	self->keep = self->over = true;
}

static void on_drop(struct relay_process *self, const char *nothing)
{
	(void)nothing;
	self->over = true;
}

static void on_watch(struct relay_process *self, const char *nothing)
{
	(void)nothing;
	self->watches = true;
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
	cleanup_free char *text = coproc_hear(fd, 0, &closed);
	char *argument = text ? strchr(text, ' ') : NULL;

	(void)events;
	self->over |= closed;
	if (argument)
		*argument++ = '\0';
	for (size_t i = 0; text && i < ARRAY_LEN(orders); i++)
		if (!strcmp(text, orders[i].word))
			orders[i].act(self, argument ? argument : "");
}

static void watch_pool(struct relay_process *self)
{
	unsigned int percent = self->db->setup.pool_alarm_percent
	                               ? self->db->setup.pool_alarm_percent
	                               : POOL_PERCENT;
	struct libpq_pool pool;
	bool full;

	if (!self->watches || !self->admins[0] || !admin_pool(self->admins[0], &pool))
		return;
	full = pool.used * 100 >= pool.max * percent;
	if (full && !self->pool_reported)
		coproc_tell(self->line, "pool %u of %u", pool.used, pool.max);
	self->pool_reported = full;
}

/* The relay sees the end of every statement, so this costs the server nothing. */
static void watch_idle(struct relay_process *self)
{
	int64_t max = self->db->setup.idle_alarm_ms ? self->db->setup.idle_alarm_ms : IDLE_MS,
		oldest = 0;
	unsigned int count = 0;

	for (unsigned int i = 0; i < self->db->port_count; i++)
		if (self->relays[i])
			count += relay_count_idle(self->relays[i], &oldest);
	if (oldest && clock_ms() - oldest >= max) {
		if (!self->idle_reported)
			coproc_tell(self->line, "idle %lld %u", (long long)(clock_ms() - oldest),
			            count);
		self->idle_reported = true;
	} else {
		self->idle_reported = false;
	}
}

static void end_idle(struct relay_process *self)
{
	int64_t max = self->db->setup.idle_kill_ms;
	unsigned int count = 0;

	for (unsigned int i = 0; i < self->db->port_count && max; i++)
		count += self->relays[i] ? relay_end_idle(self->relays[i], max) : 0;
	if (count)
		coproc_tell(self->line, "ended %lld %u", (long long)max, count);
}

static void on_health(void *arg)
{
	struct relay_process *self = arg;

	watch_idle(self);
	end_idle(self);
	watch_pool(self);
	if (self->needs_comment)
		comment_all(self, false);
	self->needs_comment = false;
	(void)loop_after(self->loop, HEALTH_MS, on_health, self);
}

static void on_beat(void *arg)
{
	struct relay_process *self = arg;
	bool due = clock_ms() - self->beat_ms > HEARTBEAT_MS;

	for (unsigned int i = 0; i < self->db->port_count; i++)
		(void)reconnect(self, i);
	if (due) {
		comment_all(self, false);
		self->beat_ms = clock_ms();
	}
	(void)loop_after(self->loop, LIVENESS_MS, on_beat, self);
}

void relay_process_main(void *arg, int line)
{
	struct rename_plan *plan = arg;
	struct relay_process self = { .plan = plan,
		                      .db = plan->db,
		                      .worker = plan->worker,
		                      .line = line,
		                      .beat_ms = clock_ms(),
		                      .snapshot = plan->snapshot };
	cleanup_free char *why = NULL;
	int64_t began = clock_ms();
	int ret = loop_open(&self.loop);
	bool connected;

	rename_confine(plan->db);
	names_init(&self.names, plan->suffix);
	for (unsigned int i = 0; i < self.db->url_count; i++)
		names_learn(&self.names, self.db->urls[i].name, strlen(self.db->urls[i].name));
	ret = ret ? ret : begin(&self, &why);
	/* while it lasts, a restart of the server may leave none */
	connected = self.admins[0];
	if (ret) {
		coproc_tell(line, "%s %s", ret == -ECONNREFUSED ? "unreachable" : "error",
		            why ? why : strerror(-ret));
	} else {
		coproc_tell(line, "ready %lld", (long long)(clock_ms() - began));
		(void)loop_add(self.loop, line, EPOLLIN, on_order, &self);
		(void)loop_after(self.loop, LIVENESS_MS, on_beat, &self);
		(void)loop_after(self.loop, HEALTH_MS, on_health, &self);
		while (!self.over && !loop_step(self.loop, -1))
			;
	}
	cut_clients(&self);
	if (connected) {
		coproc_tell(line, "connections %u", self.max_open);
		report_leftover(&self);
	}
	if (!self.keep && ret != -EEXIST && connected && !drop_in_time(&self))
		coproc_tell(line, "left"); /* the next run on it finds it by its lease */
	for (unsigned int i = 0; i < DB_PORTS_MAX; i++)
		admin_close(self.admins[i]);
	free(self.reset_to);
}
