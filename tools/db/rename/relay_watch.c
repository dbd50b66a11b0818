/* SPDX-License-Identifier: MIT */
/*
 * What a relay process looks at from time to time: sessions idle in a transaction, the server's
 * connections, its own sessions with the server and the comments on the worker's databases.
 */
#include "tools/base/clock.h"
#include "tools/db/rename/relay_process.h"
#include "tools/process/coprocess.h"

enum { HEARTBEAT_MS = 600000, SESSIONS_MS = 15000, WATCH_MS = 1000 };

static void watch_pool(struct relay_process *self)
{
	struct libpq_pool pool;
	bool full;

	if (!self->watches_pool || !self->admins[0] || !admin_pool(self->admins[0], &pool))
		return;
	full = pool.used * 100 >= pool.max * self->db->config.pool_alarm_percent;
	if (full && !self->pool_reported)
		coproc_report(self->line, "pool %u of %u", pool.used, pool.max);
	self->pool_reported = full;
}

/* The relay sees the end of every statement, so this costs the server nothing. */
static void watch_idle(struct relay_process *self)
{
	int64_t oldest_ms = 0;
	unsigned int count = 0;
	bool idle;

	for (unsigned int i = 0; i < self->db->port_count; i++)
		if (self->relays[i])
			count += relay_count_idle(self->relays[i], &oldest_ms);
	idle = oldest_ms && clock_ms() - oldest_ms >= self->db->config.idle_alarm_ms;
	if (idle && !self->idle_reported)
		coproc_report(self->line, "idle %lld@%lld %u", (long long)(clock_ms() - oldest_ms),
		              (long long)oldest_ms, count);
	self->idle_reported = idle;
}

static void end_idle(struct relay_process *self)
{
	int64_t max_ms = self->db->config.idle_kill_ms;
	unsigned int count = 0;

	for (unsigned int i = 0; i < self->db->port_count && max_ms; i++)
		count += self->relays[i] ? relay_end_idle(self->relays[i], max_ms) : 0;
	if (count)
		coproc_report(self->line, "ended %lld %u", (long long)max_ms, count);
}

static void on_watch(void *arg)
{
	struct relay_process *self = arg;

	watch_idle(self);
	end_idle(self);
	watch_pool(self);
	if (self->needs_comment)
		relay_databases_comment(self, false);
	self->needs_comment = false;
	(void)loop_after(self->loop, WATCH_MS, on_watch, self);
}

/*
 * A session that a restart of the server has ended takes the lease again. The comment has the time:
 * the heartbeat.
 */
static void on_sessions(void *arg)
{
	struct relay_process *self = arg;

	for (unsigned int i = 0; i < self->db->port_count; i++)
		(void)relay_databases_reconnect(self, i);
	if (clock_ms() - self->comment_ms > HEARTBEAT_MS) {
		relay_databases_comment(self, false);
		self->comment_ms = clock_ms();
	}
	(void)loop_after(self->loop, SESSIONS_MS, on_sessions, self);
}

void relay_watch_begin(struct relay_process *self)
{
	self->comment_ms = clock_ms();
	(void)loop_after(self->loop, SESSIONS_MS, on_sessions, self);
	(void)loop_after(self->loop, WATCH_MS, on_watch, self);
}
