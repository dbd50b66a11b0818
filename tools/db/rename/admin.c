/* SPDX-License-Identifier: MIT */
/*
 * Berth's own session with a shared server: connect, ask, retry, lock. Blocking: in coprocesses and
 * in `berth db`.
 *
 * A statement is retried if its SQLSTATE says that the error is transient: after 50 ms, 100, 200
 * ... 3000, each with jitter, until RETRY_MS have passed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/base/table.h"
#include "tools/db/rename/admin_session.h"
#include "tools/db/rename/retry.h"
#include "tools/process/coprocess.h"

enum { CONNECT_MS = 10000, RETRY_MS = 15000 };

/*
 * A machine that is switched off closes no connection. With keepalives the server notices within a
 * minute and frees the leases of that machine; with TCP's defaults it would take two hours.
 */
static const char session_settings[] =
	"-c statement_timeout=120s "
	"-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3";

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

bool admin_pause(const struct admin *admin, int ms)
{
	uint8_t random = 0;
	bool closed = false;

	(void)!getrandom(&random, 1, GRND_NONBLOCK);
	free(coproc_receive(admin->line, retry_spread_ms(ms, random), &closed));
	return !closed;
}

/* The first line of an error, without its level. libpq puts no passwords into errors. */
static char *first_line(const char *text)
{
	text = str_starts(text, "ERROR:  ") || str_starts(text, "FATAL:  ") ? text + 8 : text;
	return libpq_words(text, strcspn(text, "\n"));
}

PGconn *admin_connect(const struct db_url *url, const char *database)
{
	struct libpq_target target = { .database = database,
		                       .url = url,
		                       .sslmode = db_url_sslmode(url),
		                       .options = session_settings };

	target.host = db_url_server(url, &target.port);
	return libpq_connect(&target, CONNECT_MS);
}

/* Return: our role may connect to database postgres, although it has just been refused. */
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
 * The maintenance database is postgres, and template1 only on servers without postgres. An advisory
 * lock belongs to one database, so all runs must take their leases in the same one.
 */
static PGconn *connect_maintenance(const struct db_url *url, int line)
{
	PGconn *conn = admin_connect(url, "postgres"), *other;

	if (libpq.PQstatus(conn) == CONNECTION_OK)
		return conn;
	other = admin_connect(url, "template1");
	if (libpq.PQstatus(other) == CONNECTION_OK && !has_postgres(other, line)) {
		libpq.PQfinish(conn);
		return other;
	}
	libpq.PQfinish(other);
	return conn;
}

/*
 * Return: another attempt would end in the same way. libpq has no SQLSTATE of a connection that
 * failed; in other languages than English this waits a while longer.
 */
static bool is_final(const char *error)
{
	static const char *const signs[] = {
		"authentication failed",          "permission denied for database",
		"no pg_hba.conf entry",           "is not permitted to log in",
		"received invalid response to",   "does not exist",
		"expected authentication request"
	};

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (strstr(error, signs[i]))
			return true;
	return false;
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
		    is_final(libpq.PQerrorMessage(admin->conn)) || !admin_pause(admin, wait))
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
	cleanup_result PGresult *result = admin_ask(admin, 1, "SELECT 1", NULL);

	return libpq.PQresultStatus(result) == PGRES_TUPLES_OK;
}

PGresult *admin_ask(struct admin *admin, int columns, const char *sql, const char *value)
{
	return libpq_ask(admin->conn, admin->line, columns, sql, value);
}

int admin_error(const PGresult *result, char **ret_why)
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

int admin_run(struct admin *admin, bool retry, char **ret_why, const char *format, ...)
{
	cleanup_free char *sql = NULL;
	int64_t until_ms = clock_ms() + RETRY_MS;
	int wait = RETRY_FIRST_MS;
	va_list values;

	va_start(values, format);
	sql = str_vprint(format, values);
	va_end(values);
	for (;;) {
		cleanup_result PGresult *result = admin_ask(admin, 0, sql, NULL);
		int ret = admin_error(result, ret_why);

		if (!ret || !retry || clock_ms() > until_ms ||
		    !is_transient(libpq.PQresultErrorField(result, PG_DIAG_SQLSTATE)) ||
		    !admin_pause(admin, wait))
			return ret;
		wait = retry_grown_ms(wait, RETRY_MAX_MS);
	}
}

char *admin_identifier(struct admin *admin, const char *name)
{
	char *quoted = libpq.PQescapeIdentifier(admin->conn, name, strlen(name));
	char *copy = str_copy(quoted ? quoted : "\"\"");

	libpq.PQfreemem(quoted);
	return copy;
}

bool admin_pool(struct admin *admin, struct libpq_pool *ret_pool)
{
	return libpq_pool(admin->conn, admin->line, ret_pool);
}

long long admin_lock_key(const char *name)
{
	return (long long)table_hash(TABLE_HASH, name, strlen(name));
}

bool admin_is_true(struct admin *admin, const char *format, ...)
{
	cleanup_result PGresult *result = NULL;
	cleanup_free char *sql = NULL;
	va_list values;

	va_start(values, format);
	sql = str_vprint(format, values);
	va_end(values);
	result = admin_ask(admin, 1, sql, NULL);
	return libpq.PQresultStatus(result) == PGRES_TUPLES_OK && libpq.PQntuples(result) == 1 &&
	       *libpq.PQgetvalue(result, 0, 0) == 't';
}

bool admin_lock(struct admin *admin, const char *name)
{
	return admin_is_true(admin, "SELECT pg_try_advisory_lock(%lld)", admin_lock_key(name));
}

void admin_unlock(struct admin *admin, const char *name)
{
	(void)admin_is_true(admin, "SELECT pg_advisory_unlock(%lld)", admin_lock_key(name));
}
