/* SPDX-License-Identifier: MIT */
/*
 * Databases on a shared server: create, describe, seal, copy, drop. Blocking: in coprocesses and in
 * `berth db`.
 *
 * Safety: a database is dropped only if its name ends in a suffix that this run made, or in one
 * whose lease proves that the owner is dead. An unfinished database is dropped by its own name. A
 * suffix ends in eight or more random characters.
 *
 * All runs on all machines together create at most 2 x cores databases at once: a creator holds one
 * of that many numbered advisory locks.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/json.h"
#include "tools/base/str.h"
#include "tools/db/rename/admin_session.h"
#include "tools/db/rename/retry.h"

enum { CREATORS_CLASS = 0x62727468, RANDOM_LEN = 8 };

/* Return: the number of the lock; -1 the line has closed. */
static int creator_begin(struct admin *admin)
{
	long places = sysconf(_SC_NPROCESSORS_ONLN) * 2;

	for (int wait = 10;; wait = retry_grown_ms(wait, 200)) {
		for (int i = 0; i < places; i++)
			if (admin_is_true(admin, "SELECT pg_try_advisory_lock(%d, %d)",
			                  CREATORS_CLASS, i))
				return i;
		if (!admin_pause(admin, wait) || libpq.PQstatus(admin->conn) != CONNECTION_OK)
			return -1;
	}
}

static void creator_end(struct admin *admin, int place)
{
	(void)admin_is_true(admin, "SELECT pg_advisory_unlock(%d, %d)", CREATORS_CLASS, place);
}

int admin_write_comment(struct admin *admin, const char *database, json_t *object)
{
	cleanup_free char *json = json_dumps(object, 0), *name = admin_identifier(admin, database);
	char *literal = libpq.PQescapeLiteral(admin->conn, json ? json : "",
	                                      json ? strlen(json) : 0);
	int ret = admin_run(admin, true, NULL, "COMMENT ON DATABASE %s IS %s", name, literal);

	json_decref(object);
	libpq.PQfreemem(literal);
	return ret;
}

int admin_comment(struct admin *admin, const char *physical, const struct admin_lease *lease,
                  bool kept)
{
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	return admin_write_comment(
		admin, physical,
		json_pack("{s:i, s:s, s:i, s:o, s:s, s:s, s:s, s:i, s:I, s:b}", "berth", 1, "run",
	                  lease->run, "worker", (int)lease->worker, "task", json_text(lease->task),
	                  "logical", lease->logical, "suffix", lease->suffix, "host", host, "pid",
	                  (int)getpid(), "heartbeat", (json_int_t)time(NULL), "kept", kept));
}

static int comment_template(struct admin *admin, const struct admin_template *template)
{
	time_t now = time(NULL);

	return admin_write_comment(admin, template->name,
	                           json_pack("{s:i, s:b, s:s, s:s*, s:b, s:I, s:I}", "berth", 1,
	                                     "template", 1, "logical", template->logical,
	                                     "snapshot", template->snapshot, "once", template->once,
	                                     "made", (json_int_t)now, "used", (json_int_t)now));
}

static void end_sessions(struct admin *admin, const char *database)
{
	cleanup_result PGresult *result = admin_ask(
		admin, 0,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid "
		"<> pg_backend_pid()",
		database);
}

/* PostgreSQL drops no database that has prepared transactions or replication slots. */
static void free_database(struct admin *admin, const char *database)
{
	static const char *const lists[] = {
		"SELECT 'ROLLBACK PREPARED ' || quote_literal(gid) FROM pg_prepared_xacts WHERE "
		"database = current_database()",
		"SELECT 'SELECT pg_drop_replication_slot(' || quote_literal(slot_name) || ')' FROM "
		"pg_replication_slots "
		"WHERE database = current_database() AND NOT active",
	};
	cleanup_result PGresult *any = admin_ask(
		admin, 0,
		"SELECT 1 FROM pg_prepared_xacts WHERE database = $1 UNION ALL "
		"SELECT 1 FROM pg_replication_slots WHERE database = $1",
		database);
	PGconn *conn;

	if (libpq.PQntuples(any) < 1)
		return;
	conn = admin_connect(admin->url, database);
	for (size_t i = 0; i < ARRAY_LEN(lists) && libpq.PQstatus(conn) == CONNECTION_OK; i++) {
		cleanup_result PGresult *list = libpq_ask(conn, admin->line, 1, lists[i], NULL);

		for (int row = 0; row < libpq.PQntuples(list); row++)
			libpq.PQclear(libpq_ask(conn, admin->line, 0,
			                        libpq.PQgetvalue(list, row, 0), NULL));
	}
	libpq.PQfinish(conn);
}

int admin_drop(struct admin *admin, const char *database, bool is_template, bool force)
{
	cleanup_free char *name = admin_identifier(admin, database);
	bool can_force = libpq.PQserverVersion(admin->conn) >= 130000;
	int ret = 0;

	if (is_template)
		ret = admin_run(admin, true, NULL, "ALTER DATABASE %s WITH IS_TEMPLATE false",
		                name);
	if (force) {
		free_database(admin, database);
		end_sessions(admin, database);
	}
	return ret ? ret
	           : admin_run(admin, force, NULL, "DROP DATABASE IF EXISTS %s%s", name,
	                       force && can_force ? " WITH (FORCE)" : "");
}

/*
 * What CREATE DATABASE does not copy, as statements: the settings, the limit and the rights of
 * database $1, for the one whose name is inserted. A list of names is stored in quotes already.
 */
static const char properties[] =
	"WITH source AS (SELECT * FROM pg_database WHERE datname = $1), "
	"target AS (SELECT %s::text AS name) "
	"SELECT format('ALTER %%s SET %%I TO %%s', CASE setrole WHEN 0 THEN "
	"format('DATABASE %%I', name) ELSE format('ROLE %%I IN DATABASE %%I', "
	"pg_get_userbyid(setrole), name) END, split_part(setting, '=', 1), "
	"CASE WHEN setting ~ '^(search_path|temp_tablespaces|(local|session)_preload_libraries)=' "
	"THEN value ELSE quote_literal(value) END) "
	"FROM source JOIN pg_db_role_setting ON setdatabase = source.oid, target, "
	"unnest(setconfig) AS setting, substr(setting, strpos(setting, '=') + 1) AS value "
	"UNION ALL SELECT format('ALTER DATABASE %%I CONNECTION LIMIT %%s', name, datconnlimit) "
	"FROM source, target WHERE datconnlimit >= 0 "
	"UNION ALL SELECT format('REVOKE ALL ON DATABASE %%I FROM PUBLIC', name) "
	"FROM source, target WHERE datacl IS NOT NULL "
	"UNION ALL SELECT format('GRANT %%s ON DATABASE %%I TO %%s%%s', privilege_type, name, "
	"CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, "
	"CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) "
	"FROM source, target, aclexplode(datacl)";

/* A setting that the role may not make stays away: docs/limits.md. */
static void copy_properties(struct admin *admin, const char *source, const char *target)
{
	char *literal = libpq.PQescapeLiteral(admin->conn, target, strlen(target));
	cleanup_free char *sql = str_print(properties, literal ? literal : "''");
	cleanup_result PGresult *list = admin_ask(admin, 1, sql, source);

	libpq.PQfreemem(literal);
	for (int row = 0; row < libpq.PQntuples(list); row++)
		(void)admin_run(admin, true, NULL, "%s", libpq.PQgetvalue(list, row, 0));
}

/*
 * A new database has a name that only Berth gives until its comment names the owner. Otherwise a
 * creator that dies in between would leave a database that no one can prove to be Berth's. The
 * rename is the commit; admin_reap() finds earlier leftovers.
 */
int admin_create(struct admin *admin, const char *physical, const char *source,
                 const struct admin_lease *lease, char **ret_why)
{
	cleanup_free char *unfinished = str_print(ADMIN_UNFINISHED "%s", lease->suffix);
	cleanup_free char *name = admin_identifier(admin, physical);
	cleanup_free char *from = admin_identifier(admin, source ? source : "template1");
	bool has_strategy = libpq.PQserverVersion(admin->conn) >= 150000;
	int place = creator_begin(admin), ret;

	if (place < 0)
		return -ECANCELED;
	ret = admin_run(admin, true, ret_why, "CREATE DATABASE %s TEMPLATE %s%s", unfinished, from,
	                has_strategy ? " STRATEGY FILE_COPY" : "");
	ret = ret ? ret : admin_comment(admin, unfinished, lease, false);
	if (!ret && source)
		copy_properties(admin, source, unfinished);
	if (!ret)
		ret = admin_run(admin, true, ret_why, "ALTER DATABASE %s RENAME TO %s", unfinished,
		                name);
	if (ret)
		(void)admin_drop(admin, unfinished, false, false);
	creator_end(admin, place);
	return ret;
}

int admin_seal(struct admin *admin, const char *physical, const struct admin_template *template,
               char **ret_why)
{
	cleanup_free char *from = admin_identifier(admin, physical),
			  *to = admin_identifier(admin, template->name);
	bool is_template = false;
	int ret;

	end_sessions(admin, physical);
	ret = admin_run(admin, true, ret_why,
	                "ALTER DATABASE %s WITH ALLOW_CONNECTIONS false IS_TEMPLATE true", from);
	if (!ret && admin_exists(admin, template->name, &is_template))
		ret = admin_drop(admin, template->name, is_template, true);
	ret = ret ? ret
	          : admin_run(admin, true, ret_why, "ALTER DATABASE %s RENAME TO %s", from, to);
	return ret ? ret : comment_template(admin, template);
}

int admin_snapshot(struct admin *admin, const char *physical, const struct admin_lease *lease,
                   const struct admin_template *template, char **ret_why)
{
	cleanup_free char *copy = str_print("berth_copy%s", lease->suffix);
	int ret;

	end_sessions(admin, physical); /* PostgreSQL copies no database in use */
	ret = admin_create(admin, copy, physical, lease, ret_why);
	ret = ret ? ret : admin_seal(admin, copy, template, ret_why);
	if (ret)
		(void)admin_drop(admin, copy, true, true);
	return ret;
}

bool admin_is_suffix(const char *suffix)
{
	const char *random = strrchr(suffix, '_');

	return random && *suffix == '_' && random - suffix > 1 && strlen(random) > RANDOM_LEN &&
	       strspn(suffix, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(suffix);
}

int admin_drop_suffix(struct admin *admin, const char *suffix, bool force)
{
	PGresult *list;
	int ret = 0;

	if (!admin_is_suffix(suffix))
		return -EINVAL;
	list = admin_ask(admin, 2,
	                 "SELECT datname, datistemplate FROM pg_database WHERE right(datname, "
	                 "length($1)) = $1",
	                 suffix);
	if (libpq.PQresultStatus(list) != PGRES_TUPLES_OK)
		ret = -EIO;
	for (int row = 0; row < libpq.PQntuples(list); row++) {
		int one = admin_drop(admin, libpq.PQgetvalue(list, row, 0),
		                     *libpq.PQgetvalue(list, row, 1) == 't', force);

		ret = ret ? ret : one;
	}
	libpq.PQclear(list);
	return ret;
}

void admin_each_suffix(struct admin *admin, const char *suffix,
                       void (*fn)(void *arg, const char *database), void *arg)
{
	cleanup_result PGresult *list = admin_ask(
		admin, 1,
		"SELECT datname FROM pg_database WHERE right(datname, length($1)) = $1 ORDER BY 1",
		suffix);

	for (int row = 0; row < libpq.PQntuples(list); row++)
		fn(arg, libpq.PQgetvalue(list, row, 0));
}

bool admin_exists(struct admin *admin, const char *database, bool *ret_template)
{
	cleanup_result PGresult *result = admin_ask(
		admin, 1, "SELECT datistemplate FROM pg_catalog.pg_database WHERE datname = $1",
		database);
	bool found = libpq.PQresultStatus(result) == PGRES_TUPLES_OK &&
	             libpq.PQntuples(result) == 1;

	*ret_template = found && *libpq.PQgetvalue(result, 0, 0) == 't';
	return found;
}

/* Autovacuum has no role, and PostgreSQL ends it. Without an answer, CREATE says why. */
int admin_check(struct admin *admin, const char *source, char **ret_why)
{
	cleanup_result PGresult *result = admin_ask(
		admin, 5,
		"SELECT rolcreatedb OR rolsuper, quote_ident(rolname), quote_ident(datname), "
		"CASE WHEN NOT datistemplate AND NOT pg_has_role(datdba, 'USAGE') "
		"THEN pg_get_userbyid(datdba) END, "
		"(SELECT array_to_string((array_agg(format('pid %s (%s)', pid, concat_ws(', ', "
		"usename, NULLIF(application_name, ''))) ORDER BY pid))[:3], ', ') || CASE WHEN "
		"count(*) > 3 THEN format(' and %s more', count(*) - 3) ELSE '' END "
		"FROM pg_stat_activity a WHERE a.datid = d.oid AND usesysid IS NOT NULL) "
		"FROM pg_roles LEFT JOIN pg_database d ON datname = $1 WHERE rolname = "
		"current_user",
		source ? source : "");
	const char *role, *name, *owner, *sessions;

	if (libpq.PQresultStatus(result) != PGRES_TUPLES_OK || libpq.PQntuples(result) != 1)
		return 0;
	role = libpq.PQgetvalue(result, 0, 1);
	name = libpq.PQgetvalue(result, 0, 2);
	owner = libpq.PQgetvalue(result, 0, 3);
	sessions = libpq.PQgetvalue(result, 0, 4);
	if (*libpq.PQgetvalue(result, 0, 0) != 't') {
		*ret_why = str_print("role '%s' may not create databases\n"
		                     "hint: ALTER ROLE %s CREATEDB",
		                     admin->url->role, role);
		return -EPERM;
	}
	if (*owner) {
		*ret_why = str_print("role '%s' may not copy database '%s', which role '%s' owns\n"
		                     "hint: ALTER DATABASE %s OWNER TO %s; or make it by --setup",
		                     admin->url->role, source, owner, name, role);
		return -EPERM;
	}
	if (!*sessions)
		return 0;
	*ret_why = str_print("database '%s' cannot be copied while a session is in it: %s\n"
	                     "hint: end the session, or make the database by --setup",
	                     source, sessions);
	return -EBUSY;
}
