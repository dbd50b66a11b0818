/* SPDX-License-Identifier: MIT */
/*
 * Retries: only what is transient by its SQLSTATE, after 50 ms, 100, 200 ... 3000, each with jitter, until RETRY_MS have
 * passed. At most 2 x cores databases are created at once, by all runs on all machines together: a creator holds one of
 * that many numbered advisory locks.
 *
 * Law: a database is dropped only if its name ends in a suffix that this run made up, or in one whose lease proves that
 * its owner is dead; the suffix ends in eight random characters. And if it has the name that only an unfinished one has.
 */
#include "tools/db/rename/admin.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/json.h"
#include "tools/process/coprocess.h"
#include "tools/db/rename/retry.h"
#include "tools/db/template/cache.h"

/*
 * A machine that is switched off closes nothing. Its leases are free when the server has missed it: after a minute, not after the
 * two hours of TCP.
 */
static const char session_settings[] =
	"-c statement_timeout=120s "
	"-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3";
#define UNFINISHED "berth_new" /* a suffix follows */

enum { TEMPLATE_DAYS = 14 };
enum {
	CONNECT_MS = 10000,
	RETRY_MS = 15000,
	CREATORS_CLASS = 0x62727468,
	KEPT_DAYS = 7,
	STALE_S = 7200,
	RANDOM_LEN = 8
};

struct admin {
	PGconn *conn;
	const struct db_url *url;
	int line;
};

static void clear_at(PGresult **result)
{
	libpq.PQclear(*result);
}
#define cleanup_result __attribute__((cleanup(clear_at)))

static const char *const transient[] = { "55006", "57P03", "53300", "53400", "40001",
	                                 "40P01", "57P01", "57P02", "08000", "08001",
	                                 "08003", "08006", "XX000" };

static bool is_transient(const char *sqlstate)
{
	for (size_t i = 0; sqlstate && i < ARRAY_LEN(transient); i++)
		if (!strcmp(transient[i], sqlstate))
			return true;
	return false;
}

/* Return: false if the line has closed: nobody waits for us any more. */
static bool pause_ms(const struct admin *admin, int ms)
{
	uint8_t random = 0;
	bool closed = false;

	(void)!getrandom(&random, 1, GRND_NONBLOCK);
	/* a pause with an ear on the line */
	free(coproc_hear(admin->line, retry_spread_ms(ms, random), &closed));
	return !closed;
}

/* One line, and no more than the server's own words; libpq puts no passwords in them. */
static char *first_line(const char *text)
{
	text = str_starts(text, "ERROR:  ") || str_starts(text, "FATAL:  ") ? text + 8 : text;
	return libpq_words(text, strcspn(text, "\n"));
}

static PGconn *connect_to(const struct db_url *url, const char *database)
{
	struct libpq_target target = { .database = database,
		                       .url = url,
		                       .sslmode = db_url_sslmode(url),
		                       .options = session_settings };

	target.host = db_url_server(url, &target.port);
	return libpq_connect(&target, CONNECT_MS);
}

/* May we be in database postgres, although it has not let us in just now? */
static bool has_postgres(PGconn *conn, int line)
{
	cleanup_result PGresult *result = libpq_ask(
		conn, line, 1,
		"SELECT 1 FROM pg_database WHERE datname = 'postgres' AND "
		"datallowconn AND datconnlimit <> 0 AND has_database_privilege(oid, 'CONNECT')",
		NULL);

	return libpq.PQresultStatus(result) != PGRES_TUPLES_OK || libpq.PQntuples(result);
}

/*
 * The maintenance database is postgres; template1 only where there is no such. Locks are a database's own: who takes a lease in
 * another one than everybody else has none.
 */
static PGconn *connect_maintenance(const struct db_url *url, int line)
{
	PGconn *conn = connect_to(url, "postgres"), *other;

	if (libpq.PQstatus(conn) == CONNECTION_OK)
		return conn;
	other = connect_to(url, "template1");
	if (libpq.PQstatus(other) == CONNECTION_OK && !has_postgres(other, line)) {
		libpq.PQfinish(conn);
		return other;
	}
	libpq.PQfinish(other);
	return conn;
}

int admin_open(const struct db_url *url, int line, struct admin **ret_admin, char **ret_why)
{
	struct admin *admin = mem_alloc(sizeof(*admin));
	int64_t until = clock_ms() + RETRY_MS;
	int wait = RETRY_FIRST_MS, ret = libpq_load(ret_why);

	if (ret) {
		free(admin);
		return ret;
	}
	*admin = (struct admin){ .url = url, .line = line };
	for (;;) {
		libpq.PQfinish(admin->conn);
		admin->conn = connect_maintenance(url, line);
		if (libpq.PQstatus(admin->conn) == CONNECTION_OK) {
			*ret_admin = admin;
			return 0;
		}
		if (clock_ms() > until || libpq.PQconnectionNeedsPassword(admin->conn) ||
		    strstr(libpq.PQerrorMessage(admin->conn), "authentication failed") ||
		    !pause_ms(admin, wait))
			break;
		wait = retry_grown_ms(wait, RETRY_MAX_MS);
	}
	*ret_why = first_line(libpq_error(admin->conn));
	admin_close(admin);
	return -ECONNREFUSED;
}

void admin_close(struct admin *admin)
{
	if (!admin)
		return;
	libpq.PQfinish(admin->conn);
	free(admin);
}

bool admin_alive(struct admin *admin)
{
	cleanup_result PGresult *result = libpq_ask(admin->conn, admin->line, 1, "SELECT 1", NULL);

	return libpq.PQresultStatus(result) == PGRES_TUPLES_OK;
}

/* Return: 0; -EBUSY the database is in use; -EPERM; -EIO. */
static int verdict(const PGresult *result, char **ret_why)
{
	const char *sqlstate = libpq.PQresultErrorField(result, PG_DIAG_SQLSTATE);
	ExecStatusType status = libpq.PQresultStatus(result);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	if (ret_why) {
		free(*ret_why);
		*ret_why = first_line(libpq.PQresultErrorMessage(result));
	}
	if (sqlstate && !strcmp(sqlstate, "55006"))
		return -EBUSY;
	return sqlstate && !strcmp(sqlstate, "42501") ? -EPERM : -EIO;
}

static int run(struct admin *admin, const char *sql, bool retry, char **ret_why)
{
	int64_t until = clock_ms() + RETRY_MS;
	int wait = RETRY_FIRST_MS;

	for (;;) {
		cleanup_result PGresult *result = libpq_ask(admin->conn, admin->line, 0, sql, NULL);
		int ret = verdict(result, ret_why);

		if (!ret || !retry || clock_ms() > until ||
		    !is_transient(libpq.PQresultErrorField(result, PG_DIAG_SQLSTATE)) ||
		    !pause_ms(admin, wait))
			return ret;
		wait = retry_grown_ms(wait, RETRY_MAX_MS);
	}
}

static char *identifier(struct admin *admin, const char *name)
{
	char *quoted = libpq.PQescapeIdentifier(admin->conn, name, strlen(name));

	return quoted ? quoted : str_copy("\"\"");
}

bool admin_exists(struct admin *admin, const char *database, bool *ret_template)
{
	cleanup_result PGresult *result = libpq_ask(
		admin->conn, admin->line, 1,
		"SELECT datistemplate FROM pg_catalog.pg_database WHERE datname = $1", database);
	bool found = libpq.PQresultStatus(result) == PGRES_TUPLES_OK &&
	             libpq.PQntuples(result) == 1;

	*ret_template = found && *libpq.PQgetvalue(result, 0, 0) == 't';
	return found;
}

bool admin_pool(struct admin *admin, struct libpq_pool *ret_pool)
{
	return libpq_pool(admin->conn, admin->line, ret_pool);
}

/* --- locks --- */

static int64_t lock_key(const char *name)
{
	uint64_t hash = 14695981039346656037ull; /* FNV-1a */

	while (*name)
		hash = (hash ^ (uint8_t)*name++) * 1099511628211ull;
	return (int64_t)hash;
}

static bool says_true(struct admin *admin, const char *sql)
{
	cleanup_result PGresult *result = libpq_ask(admin->conn, admin->line, 1, sql, NULL);

	return libpq.PQresultStatus(result) == PGRES_TUPLES_OK && libpq.PQntuples(result) == 1 &&
	       *libpq.PQgetvalue(result, 0, 0) == 't';
}

bool admin_lock(struct admin *admin, const char *name)
{
	cleanup_free char *sql = str_print("SELECT pg_try_advisory_lock(%lld)",
	                                   (long long)lock_key(name));

	return says_true(admin, sql);
}

void admin_unlock(struct admin *admin, const char *name)
{
	cleanup_free char *sql = str_print("SELECT pg_advisory_unlock(%lld)",
	                                   (long long)lock_key(name));

	(void)says_true(admin, sql);
}

/* One of 2 x cores places for creators. Return: its number; -1 the line has closed. */
static int take_place(struct admin *admin)
{
	long places = sysconf(_SC_NPROCESSORS_ONLN) * 2;

	for (int wait = 10;; wait = retry_grown_ms(wait, 200)) {
		for (int i = 0; i < places; i++) {
			cleanup_free char *sql = str_print("SELECT pg_try_advisory_lock(%d, %d)",
			                                   CREATORS_CLASS, i);

			if (says_true(admin, sql))
				return i;
		}
		if (!pause_ms(admin, wait) || libpq.PQstatus(admin->conn) != CONNECTION_OK)
			return -1;
	}
}

static void leave_place(struct admin *admin, int place)
{
	cleanup_free char *sql = str_print("SELECT pg_advisory_unlock(%d, %d)", CREATORS_CLASS,
	                                   place);

	(void)says_true(admin, sql);
}

/* --- databases --- */

static int comment_json(struct admin *admin, const char *database, json_t *object)
{
	cleanup_free char *json = json_dumps(object, 0), *sql = NULL;
	char *name = identifier(admin, database);
	char *literal = libpq.PQescapeLiteral(admin->conn, json ? json : "",
	                                      json ? strlen(json) : 0);
	int ret;

	json_decref(object);
	sql = str_print("COMMENT ON DATABASE %s IS %s", name, literal);
	ret = run(admin, sql, true, NULL);
	libpq.PQfreemem(literal);
	libpq.PQfreemem(name);
	return ret;
}

int admin_comment(struct admin *admin, const char *physical, const struct admin_lease *lease,
                  bool kept)
{
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	return comment_json(admin, physical,
	                    json_pack("{s:i, s:s, s:i, s:o, s:s, s:s, s:s, s:i, s:I, s:b}", "berth",
	                              1, "run", lease->run, "worker", (int)lease->worker, "task",
	                              json_text(lease->task), "logical", lease->logical, "suffix",
	                              lease->suffix, "host", host, "pid", (int)getpid(),
	                              "heartbeat", (json_int_t)time(NULL), "kept", kept));
}

static int comment_template(struct admin *admin, const struct admin_template *template)
{
	time_t now = time(NULL);

	return comment_json(admin, template->name,
	                    json_pack("{s:i, s:b, s:s, s:s*, s:I, s:I}", "berth", 1, "template", 1,
	                              "logical", template->logical, "snapshot", template->snapshot,
	                              "made",
	                              (json_int_t)(template->made_s ? template->made_s : now),
	                              "used", (json_int_t)now));
}

static void end_sessions(struct admin *admin, const char *database)
{
	cleanup_result PGresult *result = libpq_ask(
		admin->conn, admin->line, 0,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid "
		"<> pg_backend_pid()",
		database);
}

/* Prepared transactions and slots live in the database and would keep it from being dropped. */
static void free_database(struct admin *admin, const char *database)
{
	static const char *const lists[] = {
		"SELECT 'ROLLBACK PREPARED ' || quote_literal(gid) FROM pg_prepared_xacts WHERE "
		"database = current_database()",
		"SELECT 'SELECT pg_drop_replication_slot(' || quote_literal(slot_name) || ')' FROM "
		"pg_replication_slots "
		"WHERE database = current_database() AND NOT active",
	};
	cleanup_result PGresult *any = libpq_ask(
		admin->conn, admin->line, 0,
		"SELECT 1 FROM pg_prepared_xacts WHERE database = $1 UNION ALL "
		"SELECT 1 FROM pg_replication_slots WHERE database = $1",
		database);
	PGconn *conn;

	if (libpq.PQntuples(any) < 1)
		return;
	conn = connect_to(admin->url, database);
	for (size_t i = 0; i < ARRAY_LEN(lists) && libpq.PQstatus(conn) == CONNECTION_OK; i++) {
		cleanup_result PGresult *list = libpq_ask(conn, admin->line, 1, lists[i], NULL);

		for (int row = 0; row < libpq.PQntuples(list); row++)
			libpq.PQclear(libpq_ask(conn, admin->line, 0,
			                        libpq.PQgetvalue(list, row, 0), NULL));
	}
	libpq.PQfinish(conn);
}

static int drop(struct admin *admin, const char *database, bool is_template, bool force)
{
	char *name = identifier(admin, database);
	cleanup_free char *unseal = str_print("ALTER DATABASE %s WITH IS_TEMPLATE false", name);
	bool can_force = libpq.PQserverVersion(admin->conn) >= 130000;
	cleanup_free char *sql = str_print("DROP DATABASE IF EXISTS %s%s", name,
	                                   force && can_force ? " WITH (FORCE)" : "");
	int ret = is_template ? run(admin, unseal, true, NULL) : 0;

	if (force) {
		free_database(admin, database);
		end_sessions(admin, database);
	}
	ret = ret ? ret : run(admin, sql, force, NULL);
	libpq.PQfreemem(name);
	return ret;
}

/*
 * Until it says whose it is, a database has a name that only we give: one with a suite's name and without an owner's comment
 * could never be proven ours. The rename is the commit; admin_reap() finds what died before it.
 */
int admin_create(struct admin *admin, const char *physical, const char *source,
                 const struct admin_lease *lease, char **ret_why)
{
	cleanup_free char *unfinished = str_print(UNFINISHED "%s", lease->suffix);
	char *name = identifier(admin, physical),
	     *from = identifier(admin, source ? source : "template1");
	const char *strategy = libpq.PQserverVersion(admin->conn) >= 150000 ? " STRATEGY FILE_COPY"
	                                                                    : "";
	cleanup_free char *create = str_print("CREATE DATABASE %s TEMPLATE %s%s", unfinished, from,
	                                      strategy);
	cleanup_free char *commit = str_print("ALTER DATABASE %s RENAME TO %s", unfinished, name);
	int place = take_place(admin);
	int ret = place < 0 ? -ECANCELED : run(admin, create, true, ret_why);

	if (!ret)
		ret = admin_comment(admin, unfinished, lease, false);
	if (!ret)
		ret = run(admin, commit, true, ret_why);
	if (ret && place >= 0)
		(void)drop(admin, unfinished, false, false);
	if (place >= 0)
		leave_place(admin, place);
	libpq.PQfreemem(name);
	libpq.PQfreemem(from);
	return ret;
}

int admin_seal(struct admin *admin, const char *physical, const struct admin_template *template,
               char **ret_why)
{
	char *from = identifier(admin, physical), *to = identifier(admin, template->name);
	cleanup_free char *seal = str_print(
		"ALTER DATABASE %s WITH ALLOW_CONNECTIONS false IS_TEMPLATE true", from);
	cleanup_free char *commit = str_print("ALTER DATABASE %s RENAME TO %s", from, to);
	bool is_template = false;
	int ret;

	end_sessions(admin, physical);
	ret = run(admin, seal, true, ret_why);
	if (!ret && admin_exists(admin, template->name, &is_template))
		ret = drop(admin, template->name, is_template, true);
	ret = ret ? ret : run(admin, commit, true, ret_why);
	ret = ret ? ret : comment_template(admin, template);
	libpq.PQfreemem(from);
	libpq.PQfreemem(to);
	return ret;
}

int admin_snapshot(struct admin *admin, const char *physical, const struct admin_lease *lease,
                   const struct admin_template *template, char **ret_why)
{
	cleanup_free char *copy = str_print("berth_copy%s", lease->suffix);
	int ret;

	end_sessions(admin, physical); /* a copy needs the database for itself */
	ret = admin_create(admin, copy, physical, lease, ret_why);
	ret = ret ? ret : admin_seal(admin, copy, template, ret_why);
	if (ret)
		(void)drop(admin, copy, true, true);
	return ret;
}

/* _TASK_RANDOM, as the room makes them: nothing else is ever used to find databases to drop. */
static bool is_suffix(const char *suffix)
{
	size_t len = strlen(suffix);

	return len > RANDOM_LEN + 2 && *suffix == '_' && suffix[len - RANDOM_LEN - 1] == '_' &&
	       strspn(suffix, "abcdefghijklmnopqrstuvwxyz0123456789_") == len &&
	       !strchr(suffix + len - RANDOM_LEN, '_');
}

int admin_drop_suffix(struct admin *admin, const char *suffix, bool force)
{
	PGresult *list;
	int ret = 0;

	if (!is_suffix(suffix))
		return -EINVAL;
	list = libpq_ask(admin->conn, admin->line, 2,
	                 "SELECT datname, datistemplate FROM pg_database WHERE right(datname, "
	                 "length($1)) = $1",
	                 suffix);
	if (libpq.PQresultStatus(list) != PGRES_TUPLES_OK)
		ret = -EIO;
	for (int row = 0; row < libpq.PQntuples(list); row++) {
		int one = drop(admin, libpq.PQgetvalue(list, row, 0),
		               *libpq.PQgetvalue(list, row, 1) == 't', force);

		ret = ret ? ret : one;
	}
	libpq.PQclear(list);
	return ret;
}

void admin_each_suffix(struct admin *admin, const char *suffix,
                       void (*fn)(void *arg, const char *database), void *arg)
{
	cleanup_result PGresult *list = libpq_ask(
		admin->conn, admin->line, 1,
		"SELECT datname FROM pg_database WHERE right(datname, length($1)) = $1 ORDER BY 1",
		suffix);

	for (int row = 0; row < libpq.PQntuples(list); row++)
		fn(arg, libpq.PQgetvalue(list, row, 0));
}

/* --- reaping --- */

/*
 * A lease whose lock can be taken has lost its owner. So has one without a heartbeat for two hours, though the server still
 * believes in its session: the other end of a connection that died unseen. What was kept on purpose has its days.
 */
static bool reap_one(struct admin *admin, const char *database, const char *comment)
{
	json_t *owner = json_loads(comment, 0, NULL);
	const char *suffix = json_string_value(json_object_get(owner, "suffix"));
	time_t age = time(NULL) - (time_t)json_integer_value(json_object_get(owner, "heartbeat"));
	bool kept = json_is_true(json_object_get(owner, "kept"));
	bool dropped = false;
	bool ours = suffix && is_suffix(suffix) && str_ends(database, suffix);
	bool locked = ours && admin_lock(admin, suffix);

	if (ours && (kept ? age > KEPT_DAYS * 86400 : locked || age > STALE_S))
		dropped = !admin_drop_suffix(admin, suffix, false);
	if (locked)
		admin_unlock(admin, suffix);
	json_decref(owner);
	return dropped;
}

/* A creator died before it could say whose the database is. */
static bool reap_unfinished(struct admin *admin, const char *database)
{
	const char *suffix = database + strlen(UNFINISHED);
	bool dropped;

	if (!is_suffix(suffix) || !admin_lock(admin, suffix))
		return false;
	dropped = !drop(admin, database, false, false);
	admin_unlock(admin, suffix);
	return dropped;
}

unsigned int admin_reap(struct admin *admin)
{
	/* also what was sealed and not yet renamed: then the comment's suffix is still the name's */
	cleanup_result PGresult *leases = libpq_ask(
		admin->conn, admin->line, 2,
		"SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database "
		"WHERE shobj_description(oid, 'pg_database') LIKE '{\"berth\"%'",
		NULL);
	cleanup_result PGresult *unfinished = libpq_ask(
		admin->conn, admin->line, 1,
		"SELECT datname FROM pg_database WHERE left(datname, 10) = '" UNFINISHED "_' "
		"AND shobj_description(oid, 'pg_database') IS NULL",
		NULL);
	unsigned int count = 0;

	for (int row = 0; row < libpq.PQntuples(leases); row++)
		count += reap_one(admin, libpq.PQgetvalue(leases, row, 0),
		                  libpq.PQgetvalue(leases, row, 1));
	for (int row = 0; row < libpq.PQntuples(unfinished); row++)
		count += reap_unfinished(admin, libpq.PQgetvalue(unfinished, row, 0));
	return count;
}

/* --- templates --- */

/* Not the name itself: who makes the template holds that. */
static char *use_sql(const char *function, const char *name)
{
	cleanup_free char *use = str_print("use %s", name);

	return str_print("SELECT %s(%lld)", function, (long long)lock_key(use));
}

void admin_use_template(struct admin *admin, const char *name)
{
	cleanup_free char *lock = use_sql("pg_try_advisory_lock_shared", name);
	cleanup_result PGresult *old = libpq_ask(
		admin->conn, admin->line, 1,
		"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
		name);
	json_t *comment = libpq.PQntuples(old) == 1
	                          ? json_loads(libpq.PQgetvalue(old, 0, 0), 0, NULL)
	                          : NULL;

	(void)says_true(admin, lock);
	if (!json_is_object(comment)) {
		json_decref(comment);
		return;
	}
	json_object_set_new(comment, "used", json_integer((json_int_t)time(NULL)));
	(void)comment_json(admin, name, comment);
}

static bool drop_unused(struct admin *admin, const char *name)
{
	cleanup_free char *lock = use_sql("pg_try_advisory_lock", name),
			  *unlock = use_sql("pg_advisory_unlock", name);
	bool dropped;

	if (!says_true(admin, lock))
		return false;
	dropped = !drop(admin, name, true, false);
	(void)says_true(admin, unlock);
	return dropped;
}

unsigned int admin_collect(struct admin *admin, uint64_t quota_bytes)
{
	/* the freshest first: what is behind them, when the quota is used up, goes */
	cleanup_result PGresult *list = libpq_ask(
		admin->conn, admin->line, 3,
		"SELECT datname, pg_database_size(oid), extract(epoch FROM now())::bigint - "
		"coalesce((c->>'used')::bigint, "
		"(c->>'made')::bigint, 0) FROM (SELECT oid, datname, shobj_description(oid, "
		"'pg_database')::json AS c "
		"FROM pg_database WHERE datistemplate AND datname LIKE 'berth\\_tpl\\_%' AND "
		"pg_has_role(datdba, 'USAGE') "
		"AND shobj_description(oid, 'pg_database') LIKE '{\"berth\"%') t ORDER BY 3, 1",
		NULL);
	unsigned int count = 0;
	uint64_t sum = 0;

	for (int row = 0; row < libpq.PQntuples(list); row++) {
		int64_t age_s = strtoll(libpq.PQgetvalue(list, row, 2), NULL, 10);

		sum += strtoull(libpq.PQgetvalue(list, row, 1), NULL, 10);
		if (age_s > TEMPLATE_DAYS * 86400 ||
		    (sum > quota_bytes && age_s > TEMPLATE_FRESH_S))
			count += drop_unused(admin, libpq.PQgetvalue(list, row, 0));
	}
	return count;
}

int admin_each_owned(struct admin *admin, admin_owned_fn fn, void *arg, char **ret_why)
{
	cleanup_result PGresult *list = libpq_ask(
		admin->conn, admin->line, 4,
		"SELECT datname, datistemplate, shobj_description(oid, 'pg_database'), "
		"CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE "
		"-1 END FROM pg_database "
		"WHERE shobj_description(oid, 'pg_database') LIKE '{\"berth\"%' ORDER BY datname",
		NULL);
	int ret = verdict(list, ret_why);

	for (int row = 0; !ret && row < libpq.PQntuples(list); row++)
		fn(arg, libpq.PQgetvalue(list, row, 0), *libpq.PQgetvalue(list, row, 1) == 't',
		   strtoll(libpq.PQgetvalue(list, row, 3), NULL, 10),
		   libpq.PQgetvalue(list, row, 2));
	return ret;
}

static bool is_template_name(const char *database)
{
	return str_starts(database, "berth_tpl_") || str_starts(database, "berth_snap_");
}

int admin_drop_owned(struct admin *admin, const char *database, const char *suffix, char **ret_why)
{
	bool is_template = !*suffix && is_template_name(database);
	int ret;

	if (!is_template && (!is_suffix(suffix) || !str_ends(database, suffix))) {
		*ret_why = str_copy("its comment does not fit its name");
		return -EINVAL;
	}
	if (!is_template && !admin_lock(admin, suffix)) {
		*ret_why = str_copy("its owner lives");
		return -EBUSY;
	}
	ret = drop(admin, database, is_template, true);
	if (ret)
		*ret_why = str_copy("the server refuses");
	if (!is_template)
		admin_unlock(admin, suffix);
	return ret;
}
