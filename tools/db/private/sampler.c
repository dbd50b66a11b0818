/* SPDX-License-Identifier: MIT */
/*
 * Two sources: pg_stat_activity has what a session does, and the server's log has how it ended.
 * Only the log says that a client closed its connection within a transaction; only the sample
 * before says for how long it was idle.
 *
 * Blocking, in a coprocess. A query to a server that is being stopped fails, and is repeated when
 * the server is up again.
 */
#include "tools/db/private/sampler.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/process/confine.h"
#include "tools/base/str.h"
#include "tools/process/coprocess.h"
#include "tools/db/common/libpq.h"
#include "tools/db/mode/record_line.h"
#include "tools/db/proxy/slow.h"

enum { LOOK_MS = 1000, ABANDONED_MS = 1000, CONNECT_MAX_MS = 2000, LOG_PART = 16384 };

/* One session, at the last look. */
struct session_sample {
	long pid;
	int64_t idle_ms;       /* in a transaction; 0 = it is not */
	int64_t idle_since_ms; /* CLOCK_MONOTONIC */
	char *slow;            /* start of the slow statement that was reported; NULL = none */
};

struct sampled_instance {
	struct sampled_instance *next;
	unsigned int worker, index;     /* index in db.ports */
	uint16_t port;                  /* real */
	PGconn *conn;                   /* NULL = none */
	struct session_sample *samples; /* of the last look */
	size_t sample_count;
	off_t log_at;                      /* the log is read up to there */
	char *known;                       /* OIDs of its first databases: "1,4,5" */
	int64_t due_ms;                    /* next look */
	unsigned int max_sessions;         /* at the same time */
	unsigned int slow_count;           /* reported */
	bool looked;                       /* at least once */
	bool idle_reported, pool_reported; /* until it is better again */
};

struct db_sampler {
	const struct sampler_plan *plan;
	struct sampled_instance *instances;
	int line;
	bool no_libpq;
	bool rights_said;
};

/* Say a line of record_line.h about @instance. */
#define report(sampler, instance, format, ...) \
	coproc_report((sampler)->line, "%u %u " format, (instance)->worker, (instance)->index, \
	              __VA_ARGS__)

/* --- the log --- */

static void forget_samples(struct sampled_instance *instance)
{
	for (size_t i = 0; i < instance->sample_count; i++)
		free(instance->samples[i].slow);
	free(instance->samples);
	instance->samples = NULL;
	instance->sample_count = 0;
}

static struct session_sample *find_sample(const struct sampled_instance *instance, long pid)
{
	for (size_t i = 0; i < instance->sample_count; i++)
		if (instance->samples[i].pid == pid)
			return &instance->samples[i];
	return NULL;
}

/* 2026-01-01 12:00:00.000 UTC [PID] LOG:  text */
static void read_line(const struct db_sampler *sampler, const struct sampled_instance *instance,
                      const char *line)
{
	const char *pid = strchr(line, '[');
	const struct session_sample *sample = pid ? find_sample(instance, strtol(pid + 1, NULL, 10))
	                                          : NULL;

	if (!sample || sample->idle_ms < ABANDONED_MS)
		return;
	if (strstr(line, "] LOG:  unexpected EOF on client connection with an open transaction"))
		report(sampler, instance, "abandoned %lld@%lld", (long long)sample->idle_ms,
		       (long long)sample->idle_since_ms);
	else if (strstr(line,
	                "] FATAL:  terminating connection due to idle-in-transaction timeout"))
		report(sampler, instance, "ended %lld 1",
		       (long long)sampler->plan->db->config.idle_kill_ms);
}

/* Read the lines that are new since the last time; a line without its end waits. */
static void read_log(const struct db_sampler *sampler, struct sampled_instance *instance)
{
	const struct db *db = sampler->plan->db;
	cleanup_free char *path = db_server_log(db, instance->worker, &db->specs[instance->index]);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char part[LOG_PART + 1];
	ssize_t got;

	while (fd >= 0 && (got = pread(fd, part, LOG_PART, instance->log_at)) > 0) {
		char *line = part, *end;

		part[got] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			read_line(sampler, instance, line);
			line = end + 1;
		}
		if (line == part && got < LOG_PART)
			return;
		instance->log_at += line == part ? got : line - part;
	}
}

/* --- questions --- */

static PGresult *query(struct sampled_instance *instance, int columns, const char *sql)
{
	PGresult *result = libpq_ask(instance->conn, -1, columns, sql, NULL);

	if (libpq.PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	libpq.PQclear(result);
	return NULL;
}

/*
 * As postgres, which sees the sessions of all roles. It needs no password from us (pg_ident.conf)
 * unless a URL has one for it.
 */
static PGconn *connect_as_postgres(const struct db_sampler *sampler,
                                   const struct sampled_instance *instance, const char *database)
{
	const struct db *db = sampler->plan->db;
	struct db_url url = { .role = (char *)(uintptr_t) "postgres" };
	PGconn *conn;

	for (unsigned int i = 0; i < db->url_count; i++)
		if (db->urls[i].port == db->ports[instance->index] &&
		    !strcmp(db->urls[i].role, url.role) && !url.password)
			url.password = db->urls[i].password;
	conn = libpq_connect(&(struct libpq_target){ .host = sampler->plan->socket_dir,
	                                             .port = instance->port,
	                                             .database = database,
	                                             .url = &url,
	                                             .options = "-c statement_timeout=2s" },
	                     CONNECT_MAX_MS);
	if (libpq.PQstatus(conn) == CONNECTION_OK)
		return conn;
	libpq.PQfinish(conn);
	return NULL;
}

/* --- rights --- */

/*
 * A superuser does not notice what its policies forbid. Say that once in a run: if the schema has
 * row level security, or if a statement (@asked) looks whether its role is a superuser.
 */
static void look_at_rights(struct db_sampler *sampler, const struct sampled_instance *instance,
                           bool asked)
{
	const struct db *db = sampler->plan->db;

	for (unsigned int i = 0; i < db->url_count && !sampler->rights_said; i++) {
		const struct db_url *url = &db->urls[i];
		PGconn *conn = url->superuser && url->port == db->ports[instance->index]
		                       ? connect_as_postgres(sampler, instance, url->name)
		                       : NULL;
		PGresult *result = conn ? libpq_ask(conn, -1, 1,
		                                    "SELECT EXISTS (SELECT FROM pg_class "
		                                    "WHERE relrowsecurity)",
		                                    NULL)
		                        : NULL;
		bool secured = libpq.PQresultStatus(result) == PGRES_TUPLES_OK &&
		               *libpq.PQgetvalue(result, 0, 0) == 't';

		sampler->rights_said = result && (secured || asked);
		if (sampler->rights_said)
			report(sampler, instance, "superuser role '%s' is a superuser%s", url->role,
			       secured ? ": row level security does not apply to it" : "");
		libpq.PQclear(result);
		if (conn)
			libpq.PQfinish(conn);
	}
}

/* --- the sessions --- */

static bool connect_to(const struct db_sampler *sampler, struct sampled_instance *instance)
{
	if (instance->conn && libpq.PQstatus(instance->conn) != CONNECTION_OK) {
		libpq.PQfinish(instance->conn);
		instance->conn = NULL;
	}
	if (!instance->conn)
		instance->conn = connect_as_postgres(sampler, instance, "postgres");
	return instance->conn;
}

static void look_at_slow(const struct db_sampler *sampler, struct sampled_instance *instance,
                         const PGresult *result, int row, struct session_sample *now)
{
	int64_t least_ms = sampler->plan->db->config.slow_query_ms,
		ms = strtoll(libpq.PQgetvalue(result, row, 3), NULL, 10);
	const char *began = libpq.PQgetvalue(result, row, 4),
		   *text = libpq.PQgetvalue(result, row, 5);
	const struct session_sample *before = find_sample(instance, now->pid);
	cleanup_str struct str shown = { 0 };

	if (!least_ms || ms < least_ms)
		return;
	now->slow = str_copy(began);
	if ((before && str_equal(before->slow, began)) || instance->slow_count++ >= DB_SLOW_MAX)
		return;
	slow_show(text, strlen(text), &shown);
	report(sampler, instance, "slow %lld %s", (long long)ms, shown.text ? shown.text : "");
}

static void look_at_idle(const struct db_sampler *sampler, struct sampled_instance *instance,
                         const struct session_sample *now, size_t count)
{
	int64_t oldest_ms = 0;
	unsigned int idle = 0;
	bool alarm;

	for (size_t i = 0; i < count; i++) {
		idle += now[i].idle_ms > 0;
		oldest_ms = now[i].idle_ms > oldest_ms ? now[i].idle_ms : oldest_ms;
	}
	alarm = oldest_ms >= sampler->plan->db->config.idle_alarm_ms;
	if (alarm && !instance->idle_reported)
		report(sampler, instance, "idle %lld@%lld %u", (long long)oldest_ms,
		       (long long)(clock_ms() - oldest_ms), idle);
	instance->idle_reported = alarm;
}

static void look_at_pool(const struct db_sampler *sampler, struct sampled_instance *instance)
{
	struct libpq_pool pool;
	bool full;

	if (!libpq_pool(instance->conn, -1, &pool))
		return;
	full = pool.used * 100 >= pool.max * sampler->plan->db->config.pool_alarm_percent;
	if (full && !instance->pool_reported)
		report(sampler, instance, "pool %u of %u", pool.used, pool.max);
	instance->pool_reported = full;
}

/* Return: a URL names it. A suite that makes it anew gives it another OID. */
static bool is_given(const struct db *db, unsigned int port, const char *database)
{
	for (unsigned int i = 0; i < db->url_count; i++)
		if (db->urls[i].port == db->ports[port] && !strcmp(db->urls[i].name, database))
			return true;
	return false;
}

/* At the end only, because a suite may still drop them. */
static void report_leftover(const struct db_sampler *sampler, struct sampled_instance *instance)
{
	cleanup_free char *sql = str_print(
		"SELECT datname FROM pg_database WHERE oid NOT IN (%s) ORDER BY 1",
		instance->known);
	PGresult *result = instance->conn && *instance->known ? query(instance, 1, sql) : NULL;
	cleanup_str struct str line = { 0 };

	for (int row = 0; result && row < libpq.PQntuples(result); row++)
		if (!is_given(sampler->plan->db, instance->index, libpq.PQgetvalue(result, row, 0)))
			record_line_add_leftover(&line, libpq.PQgetvalue(result, row, 0));
	if (line.len)
		report(sampler, instance, "%s", line.text);
	if (result)
		libpq.PQclear(result);
}

static void look(struct db_sampler *sampler, struct sampled_instance *instance)
{
	PGresult *result = NULL;
	struct session_sample *now;
	int64_t asked_ms = 0;
	bool asked = false;
	size_t count;

	if (connect_to(sampler, instance)) {
		/* before the server computes ages: a session's last statement lies in its test */
		asked_ms = clock_ms();
		result = query(
			instance, 6,
			"SELECT pid, coalesce(state, ''), "
			"(extract(epoch FROM clock_timestamp() - state_change) * 1000)::bigint, "
			"(extract(epoch FROM clock_timestamp() - query_start) * 1000)::bigint, "
			"CASE state WHEN 'active' THEN query_start::text ELSE '' END, left(query, "
			"512) "
			"FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> "
			"pg_backend_pid()");
	}
	read_log(sampler, instance);
	if (!result)
		return;
	count = (size_t)libpq.PQntuples(result);
	now = mem_alloc((count + 1) * sizeof(*now));
	for (size_t i = 0; i < count; i++) {
		int row = (int)i;

		now[i].pid = strtol(libpq.PQgetvalue(result, row, 0), NULL, 10);
		if (str_starts(libpq.PQgetvalue(result, row, 1), "idle in transaction"))
			now[i].idle_ms = strtoll(libpq.PQgetvalue(result, row, 2), NULL, 10);
		now[i].idle_since_ms = asked_ms - now[i].idle_ms;
		if (*libpq.PQgetvalue(result, row, 4))
			look_at_slow(sampler, instance, result, row, &now[i]);
		asked |= strstr(libpq.PQgetvalue(result, row, 5), "is_superuser") ||
		         strstr(libpq.PQgetvalue(result, row, 5), "rolsuper");
	}
	libpq.PQclear(result);
	instance->max_sessions = count > instance->max_sessions ? (unsigned int)count
	                                                        : instance->max_sessions;
	if (!instance->looked || asked)
		look_at_rights(sampler, instance, asked);
	instance->looked = true;
	look_at_idle(sampler, instance, now, count);
	forget_samples(instance);
	instance->samples = now;
	instance->sample_count = count;
	look_at_pool(sampler, instance);
}

/* --- orders --- */

/* PostgreSQL has a directory for each database, and its name is the OID. */
static char *databases_in(const char *data)
{
	cleanup_free char *base = str_print("%s/base", data);
	cleanup_strv char **names = dir_list(base);
	struct str oids = { 0 };

	for (char **name = names; name && *name; name++)
		if (strspn(*name, "0123456789") == strlen(*name))
			str_addf(&oids, "%s%s", oids.len ? "," : "", *name);
	return str_take(&oids);
}

static void on_watch(struct db_sampler *sampler, unsigned int worker, unsigned int index,
                     uint16_t port, const char *data)
{
	struct sampled_instance *instance = sampler->instances;

	while (instance && (instance->worker != worker || instance->index != index))
		instance = instance->next;
	if (!instance) {
		instance = mem_alloc(sizeof(*instance));
		*instance = (struct sampled_instance){ .next = sampler->instances,
			                               .worker = worker,
			                               .index = index };
		sampler->instances = instance;
	} else if (instance->conn) {
		libpq.PQfinish(instance->conn);
	}
	instance->conn = NULL;
	instance->port = port;
	instance->log_at = 0; /* every start of the server truncates it */
	instance->due_ms = clock_ms() + LOOK_MS;
	forget_samples(instance);
	free(instance->known);
	instance->known = databases_in(data);
}

static void instance_free(struct sampled_instance *instance)
{
	if (instance->conn)
		libpq.PQfinish(instance->conn);
	forget_samples(instance);
	free(instance->known);
	free(instance);
}

static bool has_libpq(struct db_sampler *sampler)
{
	cleanup_free char *why = NULL;

	if (!sampler->no_libpq)
		sampler->no_libpq = libpq_load(&why) != 0;
	return !sampler->no_libpq;
}

static void on_forget(struct db_sampler *sampler, unsigned int worker)
{
	for (struct sampled_instance **at = &sampler->instances; *at;) {
		struct sampled_instance *instance = *at;

		if (instance->worker != worker) {
			at = &instance->next;
			continue;
		}
		read_log(sampler, instance);
		if (instance->looked)
			report(sampler, instance, "connections %u", instance->max_sessions);
		report_leftover(sampler, instance);
		if (has_libpq(sampler))
			look_at_rights(sampler, instance, false);
		*at = instance->next;
		instance_free(instance);
	}
	coproc_report(sampler->line, "%u forgotten", worker);
}

static void on_order(struct db_sampler *sampler, const char *text)
{
	unsigned int worker, index;
	int data = 0;
	uint16_t port;

	if (sscanf(text, "watch %u %u %hu %n", &worker, &index, &port, &data) == 3 && data)
		on_watch(sampler, worker, index, port, text + data);
	else if (sscanf(text, "forget %u", &worker) == 1)
		on_forget(sampler, worker);
}

static int64_t next_due(const struct db_sampler *sampler)
{
	int64_t due = clock_ms() + 60000;

	for (const struct sampled_instance *instance = sampler->instances; instance;
	     instance = instance->next)
		due = instance->due_ms < due ? instance->due_ms : due;
	return due;
}

static void look_at_all(struct db_sampler *sampler)
{
	for (struct sampled_instance *instance = sampler->instances; instance;
	     instance = instance->next) {
		if (clock_ms() < instance->due_ms)
			continue;
		if (has_libpq(sampler))
			look(sampler, instance);
		instance->due_ms = clock_ms() + LOOK_MS;
	}
}

void sampler_main(void *arg, int line)
{
	struct db_sampler sampler = { .plan = arg, .line = line };
	bool closed = false;

	/* a suite is superuser of these servers, so their answers are not trusted */
	(void)confine(CONFINE_RELAY, CONFINE_FOR_SOCKET);
	while (!closed) {
		int64_t wait = next_due(&sampler) - clock_ms();
		cleanup_free char *text = coproc_receive(line, wait > 0 ? (int)wait : 0, &closed);

		if (text)
			on_order(&sampler, text);
		else if (!closed)
			look_at_all(&sampler);
	}
}
