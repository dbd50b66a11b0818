/* SPDX-License-Identifier: MIT */
/*
 * A worker's agent: straight-line code in a process of its own; only the relay needs a loop. The map of the worker is shared
 * memory, so the agent itself moves the worker to its next real port when an outsider holds one.
 *
 * Order, for crashes: lock, create, comment, serve; cut the clients, drop, unlock. The lock is the first thing taken and
 * the last thing given back.
 */
#include "tools/db/rename/lease.h"

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
#include "tools/db/record_line.h"

enum {
	HEARTBEAT_MS = 600000,
	LIVENESS_MS = 15000,
	HEALTH_MS = 1000,
	IDLE_MS = 60000,
	POOL_PERCENT = 80,
	DROP_MOST_MS = 5000,
	DROP_EVERY_MS = 100
};

/* a worker's agent */
struct keeper {
	const struct lease_plan *plan;
	struct db *db;
	struct db_worker *worker;
	struct admin *admins[DB_PORTS_MOST]; /* by port */
	struct relay *relays[DB_PORTS_MOST];
	struct names names;
	struct loop *loop;
	int64_t beat_ms;
	int line;
	const char *snapshot; /* what its databases are made from now; NULL = the template */
	char *reset_to;       /* the memory of that, after a reset */
	bool over, keep;
	bool watches; /* the server as a whole: one of the run's agents does */
	/* the suite has created a database: one of ours, made anew, does not say yet whose it is */
	bool unmarked;
	struct str left;       /* databases of the suite's own making, at the end: a sighting */
	unsigned int max_open; /* connections at once; known when they are cut */
	unsigned int slow_told;
	bool idle_told, pool_told; /* until it is better again */
};

void lease_template_name(char name[LEASE_TEMPLATE], const char *hash, unsigned int url)
{
	snprintf(name, LEASE_TEMPLATE, "berth_tpl_%.24s_%u", hash, url % 100);
}

/* The logical name is part of it by its hash only: it may be 63 bytes long. */
static void snapshot_name(char name[LEASE_TEMPLATE], const char *snapshot, const char *logical)
{
	snprintf(name, LEASE_TEMPLATE, "berth_snap_%.32s_%08x", snapshot,
	         names_hash(logical, strlen(logical)));
}

static unsigned int port_of(const struct db *db, unsigned int url)
{
	unsigned int i = 0;

	while (db->ports[i] != db->urls[url].port)
		i++;
	return i;
}

static char *physical_of(struct keeper *keeper, unsigned int url)
{
	struct str name = { 0 };

	names_physical(&keeper->names, keeper->db->urls[url].name,
	               strlen(keeper->db->urls[url].name), &name);
	return str_take(&name);
}

static struct admin_lease lease_of(const struct keeper *keeper, unsigned int url)
{
	return (struct admin_lease){ .run = keeper->db->setup.run_id,
		                     .task = keeper->worker->task ? keeper->worker->task : "",
		                     .suffix = keeper->plan->suffix,
		                     .logical = keeper->db->urls[url].name,
		                     .worker = keeper->worker->number };
}

void lease_confine(const struct db *db)
{
	unsigned int needs = 0;

	for (unsigned int i = 0; i < db->url_count; i++)
		if (*db->urls[i].host == '/')
			needs = CONFINE_FOR_SOCKET;
	(void)confine(CONFINE_RELAY, needs);
}

/* --- creating --- */

/* What a database is made from: a snapshot, the template, else the logical database itself, else nothing. */
static const char *source_of(struct keeper *keeper, unsigned int url, char name[LEASE_TEMPLATE])
{
	const char *logical = keeper->db->urls[url].name;
	bool is_template;

	if (!keeper->worker->number)
		return NULL;
	if (keeper->snapshot) {
		snapshot_name(name, keeper->snapshot, logical);
		return name;
	}
	if (keeper->plan->template_hash) {
		lease_template_name(name, keeper->plan->template_hash, url);
		return name;
	}
	return admin_exists(keeper->admins[port_of(keeper->db, url)], logical, &is_template)
	               ? logical
	               : NULL;
}

static bool is_shared(const struct keeper *keeper, unsigned int url)
{
	return names_is_shared(keeper->db->urls[url].name, strlen(keeper->db->urls[url].name));
}

/* Return: 0; -ENODATA @snapshot does not have each database. */
static int check_snapshot(const struct keeper *keeper, const char *snapshot, char **ret_why)
{
	for (unsigned int i = 0; i < keeper->db->url_count; i++) {
		char name[LEASE_TEMPLATE];
		bool is_template;

		snapshot_name(name, snapshot, keeper->db->urls[i].name);
		if (is_shared(keeper, i) ||
		    admin_exists(keeper->admins[port_of(keeper->db, i)], name, &is_template))
			continue;
		*ret_why = str_print("there is no snapshot '%s' of database '%s' on this server",
		                     snapshot, keeper->db->urls[i].name);
		return -ENODATA;
	}
	return 0;
}

static int create_one(struct keeper *keeper, unsigned int url, char **ret_why)
{
	cleanup_free char *physical = physical_of(keeper, url), *why = NULL;
	struct admin_lease lease = lease_of(keeper, url);
	char name[LEASE_TEMPLATE];
	const char *source = source_of(keeper, url, name);
	int ret;

	if (is_shared(keeper, url))
		return 0;
	if (source == name)
		admin_use_template(keeper->admins[port_of(keeper->db, url)], name);
	ret = admin_create(keeper->admins[port_of(keeper->db, url)], physical, source, &lease,
	                   &why);
	if (ret)
		*ret_why = str_print("unable to create database '%s': %s%s", physical,
		                     why ? why : strerror(-ret),
		                     ret == -EPERM   ? "; role needs CREATEDB"
		                     : ret == -EBUSY ? "; end its sessions, or configure `setup` "
		                                       "so that a template is made"
		                                     : "");
	return ret;
}

static int create_all(struct keeper *keeper, char **ret_why)
{
	int ret = 0;

	for (unsigned int i = 0; i < keeper->db->url_count && !ret; i++)
		ret = create_one(keeper, i, ret_why);
	return ret;
}

static int connect_port(struct keeper *keeper, unsigned int port, char **ret_why)
{
	int ret = admin_open(db_url_at(keeper->db, port), keeper->line, &keeper->admins[port],
	                     ret_why);

	if (ret || admin_lock(keeper->admins[port], keeper->plan->suffix))
		return ret;
	*ret_why = str_copy("its lease is taken");
	/* or reconnect() would take it for one that has the lease */
	admin_close(steal(&keeper->admins[port]));
	return -EEXIST;
}

static void on_abandoned(void *arg, int64_t idle_ms)
{
	const struct keeper *keeper = arg;

	coproc_tell(keeper->line, "abandoned %lld", (long long)idle_ms);
}

static void on_created(void *arg)
{
	struct keeper *keeper = arg;

	keeper->unmarked = true;
}

static void on_server_refusal(void *arg, unsigned int count, const char *why)
{
	const struct keeper *keeper = arg;

	coproc_tell(keeper->line, "turned-away %u times in a row: %s", count, why);
}

static void on_slow(void *arg, int64_t ms, const char *text, size_t len)
{
	struct keeper *keeper = arg;
	struct str shown = { 0 };

	if (keeper->slow_told++ >= DB_SLOW_MOST)
		return;
	slow_show(text, len, &shown);
	coproc_tell(keeper->line, "slow %lld %s", (long long)ms, shown.text ? shown.text : "");
	str_free(&shown);
}

static int listen_port(struct keeper *keeper, unsigned int port)
{
	struct db_worker *worker = keeper->worker;
	const struct db_url *url = db_url_at(keeper->db, port);
	cleanup_free char *path = str_print("%s/w%u.s.PGSQL.%u", keeper->plan->socket_dir,
	                                    worker->number, keeper->db->ports[port]);
	struct relay_setup setup = { .loop = keeper->loop,
		                     .names = &keeper->names,
		                     .port = worker->real[port],
		                     .socket_path = str_copy(path),
		                     .server_tls = url->server_host && url->tls,
		                     .offer_tls = url->tls,
		                     .slow_ms = keeper->db->setup.slow_query_ms,
		                     .on_slow = on_slow,
		                     .on_server_refusal = on_server_refusal,
		                     .on_abandoned = on_abandoned,
		                     .on_created = on_created,
		                     .arg = keeper };
	int ret;

	setup.host = db_url_server(url, &setup.server_port);
	for (;;) {
		berth_portmap_try(worker->map, setup.port);
		ret = relay_open(&setup, &keeper->relays[port]);
		if (ret != -EADDRINUSE)
			break;
		setup.port = berth_portmap_move(worker->map, BERTH_TCP, keeper->db->ports[port],
		                                setup.port);
		if (!setup.port)
			return ret;
	}
	if (!ret)
		berth_portmap_bound(worker->map, setup.port);
	return ret;
}

static int listen_all(struct keeper *keeper)
{
	int ret = 0;

	for (unsigned int i = 0; i < keeper->db->port_count && !ret; i++)
		ret = listen_port(keeper, i);
	return ret;
}

static int begin(struct keeper *keeper, char **ret_why)
{
	int ret = 0;

	for (unsigned int i = 0; i < keeper->db->port_count && !ret; i++)
		ret = connect_port(keeper, i, ret_why);
	if (!ret && keeper->snapshot)
		ret = check_snapshot(keeper, keeper->snapshot, ret_why);
	ret = ret ? ret : create_all(keeper, ret_why);
	return ret ? ret : listen_all(keeper);
}

/* --- while it lasts --- */

static void cut_clients(struct keeper *keeper)
{
	unsigned int most = 0;

	for (unsigned int i = 0; i < keeper->db->port_count; i++) {
		most += keeper->relays[i] ? relay_max_open(keeper->relays[i]) : 0;
		relay_close(keeper->relays[i]);
		keeper->relays[i] = NULL;
	}
	keeper->max_open = most > keeper->max_open ? most : keeper->max_open;
}

/* After a restart of the server the session is gone, and the lock with it: take both again. */
static bool reconnect(struct keeper *keeper, unsigned int port)
{
	cleanup_free char *why = NULL;

	if (keeper->admins[port] && admin_alive(keeper->admins[port]))
		return true;
	admin_close(keeper->admins[port]);
	keeper->admins[port] = NULL;
	return !connect_port(keeper, port, &why);
}

static void add_left(void *arg, const char *database)
{
	struct keeper *keeper = arg;
	cleanup_str struct str logical = { 0 };

	names_logical(&keeper->names, database, strlen(database), &logical);
	for (unsigned int i = 0; i < keeper->db->url_count; i++)
		if (!strcmp(keeper->db->urls[i].name, logical.text))
			return;
	record_line_add_left(&keeper->left, logical.text);
}

/* What the suite has created besides its own, and not dropped. */
static void find_left(struct keeper *keeper)
{
	for (unsigned int i = 0; i < keeper->db->port_count; i++)
		if (keeper->worker->number && keeper->admins[i])
			admin_each_suffix(keeper->admins[i], keeper->plan->suffix, add_left,
			                  keeper);
	if (keeper->left.len)
		coproc_tell(keeper->line, "%s", keeper->left.text);
	str_free(&keeper->left);
}

static bool drop_all(struct keeper *keeper)
{
	bool dropped = true;

	for (unsigned int i = 0; i < keeper->db->port_count; i++)
		if (!reconnect(keeper, i) ||
		    admin_drop_suffix(keeper->admins[i], keeper->plan->suffix, true))
			dropped = false;
	return dropped;
}

/* A server that restarts is worth a few seconds, and so is the last statement of a role whose sessions ours may not end. */
static bool drop_in_time(struct keeper *keeper)
{
	int64_t due_ms = clock_ms() + DROP_MOST_MS;

	while (!drop_all(keeper)) {
		if (clock_ms() >= due_ms)
			return false;
		poll(NULL, 0, DROP_EVERY_MS);
	}
	return true;
}

/* @word says of which kind a failure is. */
static void answer(const struct keeper *keeper, const char *word, int error, const char *why,
                   int64_t began_ms)
{
	if (error)
		coproc_tell(keeper->line, "%s %s", word, why ? why : strerror(-error));
	else
		coproc_tell(keeper->line, "ready %lld", (long long)(clock_ms() - began_ms));
}

static void on_reset(struct keeper *keeper, const char *snapshot)
{
	int64_t began = clock_ms();
	cleanup_free char *why = NULL;
	int ret = *snapshot ? check_snapshot(keeper, snapshot, &why) : 0;

	if (ret) {
		answer(keeper, "refused", ret, why, began);
		return;
	}
	free(keeper->reset_to);
	keeper->reset_to = *snapshot ? str_copy(snapshot) : NULL;
	keeper->snapshot = *snapshot ? keeper->reset_to : keeper->plan->snapshot;
	cut_clients(keeper);
	ret = drop_in_time(keeper) ? create_all(keeper, &why) : -EBUSY;
	if (ret == -EBUSY && !why)
		why = str_copy("the old ones are in use by sessions that its role may not end");
	ret = ret ? ret : listen_all(keeper);
	answer(keeper, "error", ret, why, began);
}

static void on_snapshot(struct keeper *keeper, const char *snapshot)
{
	int64_t began = clock_ms();
	cleanup_free char *why = NULL;
	int ret = 0, deaf;

	cut_clients(keeper);
	for (unsigned int i = 0; i < keeper->db->url_count && !ret; i++) {
		cleanup_free char *physical = physical_of(keeper, i);
		struct admin_lease lease = lease_of(keeper, i);
		unsigned int port = port_of(keeper->db, i);
		char name[LEASE_TEMPLATE];

		snapshot_name(name, snapshot, lease.logical);
		if (is_shared(keeper, i))
			continue;
		ret = !reconnect(keeper, port)
		              ? -ECONNREFUSED
		              : admin_snapshot(keeper->admins[port], physical, &lease,
		                               &(struct admin_template){ .name = name,
		                                                         .logical = lease.logical,
		                                                         .snapshot = snapshot },
		                               &why);
	}
	deaf = listen_all(keeper);
	answer(keeper, deaf ? "error" : "refused", deaf ? deaf : ret, why, began);
}

/* Worker 0: its databases become the templates. The first one last: whoever looks for a template looks for that. */
static void on_commit(struct keeper *keeper, const char *nothing)
{
	cleanup_free char *why = NULL;
	int ret = 0;

	(void)nothing;
	cut_clients(keeper);
	for (unsigned int i = keeper->db->url_count; i-- > 0 && !ret;) {
		cleanup_free char *physical = physical_of(keeper, i);
		char name[LEASE_TEMPLATE];

		if (is_shared(keeper, i))
			continue;
		lease_template_name(name, keeper->plan->template_hash, i);
		ret = admin_seal(keeper->admins[port_of(keeper->db, i)], physical,
		                 &(struct admin_template){ .name = name,
		                                           .logical = keeper->db->urls[i].name },
		                 &why);
	}
	if (ret)
		coproc_tell(keeper->line, "error unable to make the template: %s",
		            why ? why : strerror(-ret));
	else
		coproc_tell(keeper->line, "committed");
	keeper->over = true;
}

/* Let each database say whose it is. */
static void mark_all(struct keeper *keeper, bool kept)
{
	for (unsigned int i = 0; i < keeper->db->url_count; i++) {
		cleanup_free char *physical = physical_of(keeper, i);
		struct admin_lease lease = lease_of(keeper, i);
		unsigned int port = port_of(keeper->db, i);

		if (is_shared(keeper, i) || !reconnect(keeper, port))
			continue;
		if (!admin_comment(keeper->admins[port], physical, &lease, kept) && kept)
			coproc_tell(keeper->line, "kept %s", physical);
	}
}

static void on_keep(struct keeper *keeper, const char *nothing)
{
	(void)nothing;
	mark_all(keeper, true);
	keeper->keep = keeper->over = true;
}

static void on_drop(struct keeper *keeper, const char *nothing)
{
	(void)nothing;
	keeper->over = true;
}

static void on_watch(struct keeper *keeper, const char *nothing)
{
	(void)nothing;
	keeper->watches = true;
}

static const struct {
	const char *word;
	void (*act)(struct keeper *keeper, const char *argument); /* "" if there is none */
} orders[] = { { "reset", on_reset }, { "snapshot", on_snapshot }, { "commit", on_commit },
	       { "keep", on_keep },   { "drop", on_drop },         { "watch", on_watch } };

static void on_order(void *arg, int fd, uint32_t events)
{
	struct keeper *keeper = arg;
	bool closed;
	cleanup_free char *text = coproc_hear(fd, 0, &closed);
	char *argument = text ? strchr(text, ' ') : NULL;

	(void)events;
	keeper->over |= closed;
	if (argument)
		*argument++ = '\0';
	for (size_t i = 0; text && i < ARRAY_LEN(orders); i++)
		if (!strcmp(text, orders[i].word))
			orders[i].act(keeper, argument ? argument : "");
}

static void watch_pool(struct keeper *keeper)
{
	unsigned int percent = keeper->db->setup.pool_alarm_percent
	                               ? keeper->db->setup.pool_alarm_percent
	                               : POOL_PERCENT;
	unsigned int used, most;
	bool full;

	if (!keeper->watches || !keeper->admins[0] || !admin_pool(keeper->admins[0], &used, &most))
		return;
	full = used * 100 >= most * percent;
	if (full && !keeper->pool_told)
		coproc_tell(keeper->line, "pool %u of %u", used, most);
	keeper->pool_told = full;
}

/* The relay sees the end of every statement, so this costs the server nothing. */
static void watch_idle(struct keeper *keeper)
{
	int64_t most = keeper->db->setup.idle_alarm_ms ? keeper->db->setup.idle_alarm_ms : IDLE_MS,
		oldest = 0;
	unsigned int count = 0;

	for (unsigned int i = 0; i < keeper->db->port_count; i++) {
		struct relay_counts counts = { 0 };

		if (keeper->relays[i])
			relay_count(keeper->relays[i], &counts);
		count += counts.idle_in_transaction;
		if (counts.oldest_transaction_ms &&
		    (!oldest || counts.oldest_transaction_ms < oldest))
			oldest = counts.oldest_transaction_ms;
	}
	if (oldest && clock_ms() - oldest >= most) {
		if (!keeper->idle_told)
			coproc_tell(keeper->line, "idle %lld %u", (long long)(clock_ms() - oldest),
			            count);
		keeper->idle_told = true;
	} else {
		keeper->idle_told = false;
	}
}

static void end_idle(struct keeper *keeper)
{
	int64_t most = keeper->db->setup.idle_kill_ms;
	unsigned int count = 0;

	for (unsigned int i = 0; i < keeper->db->port_count && most; i++)
		count += keeper->relays[i] ? relay_end_idle(keeper->relays[i], most) : 0;
	if (count)
		coproc_tell(keeper->line, "ended %lld %u", (long long)most, count);
}

static void on_health(void *arg)
{
	struct keeper *keeper = arg;

	watch_idle(keeper);
	end_idle(keeper);
	watch_pool(keeper);
	if (keeper->unmarked)
		mark_all(keeper, false);
	keeper->unmarked = false;
	(void)loop_after(keeper->loop, HEALTH_MS, on_health, keeper);
}

static void on_beat(void *arg)
{
	struct keeper *keeper = arg;
	bool due = clock_ms() - keeper->beat_ms > HEARTBEAT_MS;

	for (unsigned int i = 0; i < keeper->db->port_count; i++)
		(void)reconnect(keeper, i);
	if (due) {
		mark_all(keeper, false);
		keeper->beat_ms = clock_ms();
	}
	(void)loop_after(keeper->loop, LIVENESS_MS, on_beat, keeper);
}

void lease_worker(void *arg, int line)
{
	struct lease_plan *plan = arg;
	struct keeper keeper = { .plan = plan,
		                 .db = plan->db,
		                 .worker = plan->worker,
		                 .line = line,
		                 .beat_ms = clock_ms(),
		                 .snapshot = plan->snapshot };
	cleanup_free char *why = NULL;
	int64_t began = clock_ms();
	int ret = loop_open(&keeper.loop);
	bool connected;

	lease_confine(plan->db);
	names_init(&keeper.names, plan->suffix);
	for (unsigned int i = 0; i < keeper.db->url_count; i++)
		names_learn(&keeper.names, keeper.db->urls[i].name,
		            strlen(keeper.db->urls[i].name));
	ret = ret ? ret : begin(&keeper, &why);
	/* while it lasts, a restart of the server may leave none */
	connected = keeper.admins[0];
	if (ret) {
		coproc_tell(line, "%s %s", ret == -ECONNREFUSED ? "unreachable" : "error",
		            why ? why : strerror(-ret));
	} else {
		coproc_tell(line, "ready %lld", (long long)(clock_ms() - began));
		(void)loop_add(keeper.loop, line, EPOLLIN, on_order, &keeper);
		(void)loop_after(keeper.loop, LIVENESS_MS, on_beat, &keeper);
		(void)loop_after(keeper.loop, HEALTH_MS, on_health, &keeper);
		while (!keeper.over && !loop_step(keeper.loop, -1))
			;
	}
	cut_clients(&keeper);
	if (connected) {
		coproc_tell(line, "connections %u", keeper.max_open);
		find_left(&keeper);
	}
	if (!keeper.keep && ret != -EEXIST && connected && !drop_in_time(&keeper))
		coproc_tell(line, "left"); /* the next run on it finds it by its lease */
	for (unsigned int i = 0; i < DB_PORTS_MOST; i++)
		admin_close(keeper.admins[i]);
	free(keeper.reset_to);
}
