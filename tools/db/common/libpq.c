/* SPDX-License-Identifier: MIT */
/*
 * Loads libpq.so.5, its name since PostgreSQL 8.2, and guards against servers that answer wrongly.
 * libpq itself waits without a deadline, prints notices on stderr, and returns NULL for a column
 * that a result lacks.
 *
 * When a deadline has passed, the socket is shut down. libpq then finds the end of the connection,
 * and reports an error.
 */
#include "tools/db/common/libpq.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"

/* longer than any statement_timeout of ours, of 120 s */
enum { ANSWER_MS = 130000, ORPHAN_MS = 10000 };

struct libpq libpq;

int libpq_load(char **ret_error)
{
	static const char *const names[] = { LIBPQ(LIBRARY_NAME) NULL };
	static struct library library = { LIBRARY_LIBPQ, names, &libpq, NULL };

	return library_load(&library, ret_error);
}

static void drop_notice(void *arg, const PGresult *notice)
{
	(void)arg;
	(void)notice;
}

static PGconn *connect_start(const struct libpq_target *target)
{
	cleanup_free char *port = str_print("%u", target->port);
	cleanup_free char *options = str_print("-c search_path=pg_catalog %s", target->options);
	const char *const keys[] = { "host",    "port",     "user",
		                     "dbname",  "password", "application_name",
		                     "options", "sslmode",  "client_encoding",
		                     NULL };
	const char *const values[] = {
		target->host, port,    target->url->role, target->database, target->url->password,
		"berth",      options, target->sslmode,   "UTF8",           NULL
	};

	return libpq.PQconnectStartParams(keys, values, 0);
}

PGconn *libpq_connect(const struct libpq_target *target, int max_ms)
{
	PGconn *conn = connect_start(target);
	PostgresPollingStatusType step = PGRES_POLLING_WRITING;
	int64_t due_ms = clock_ms() + max_ms, left_ms = max_ms;

	if (libpq.PQstatus(conn) == CONNECTION_BAD)
		return conn;
	(void)libpq.PQsetNoticeReceiver(conn, drop_notice, NULL);
	while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED && left_ms > 0) {
		struct pollfd fd = { libpq.PQsocket(conn),
			             step == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0 };

		if (poll(&fd, 1, (int)left_ms) > 0)
			step = libpq.PQconnectPoll(conn);
		left_ms = due_ms - clock_ms();
	}
	return conn;
}

const char *libpq_error(const PGconn *conn)
{
	const char *text = libpq.PQerrorMessage(conn);

	return *text ? text : "the server did not answer in time";
}

/* Wait until a part of the answer is there, or until @due_ms. */
static void wait_for_answer(PGconn *conn, int line, int64_t due_ms)
{
	struct pollfd fds[2] = { { libpq.PQsocket(conn), POLLIN, 0 }, { line, 0, 0 } };
	int64_t left_ms = due_ms - clock_ms();

	while (left_ms > 0 && poll(fds, 2, (int)left_ms) <= 0)
		left_ms = due_ms - clock_ms();
	/* the parent is gone: do not wait much longer */
	if (left_ms > 0 && !fds[0].revents && poll(fds, 1, ORPHAN_MS) <= 0)
		left_ms = 0;
	if (left_ms <= 0)
		(void)shutdown(libpq.PQsocket(conn), SHUT_RDWR);
}

static bool is_copy(const PGresult *result)
{
	ExecStatusType status = libpq.PQresultStatus(result);

	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

PGresult *libpq_ask(PGconn *conn, int line, int columns, const char *sql, const char *value)
{
	PGresult *result = NULL, *next;
	int64_t due_ms = clock_ms() + ANSWER_MS;
	bool more = value ? libpq.PQsendQueryParams(conn, sql, 1, NULL, &value, NULL, NULL, 0)
	                  : libpq.PQsendQuery(conn, sql);

	while (more) {
		while (libpq.PQisBusy(conn)) {
			wait_for_answer(conn, line, due_ms);
			if (!libpq.PQconsumeInput(conn))
				break; /* PQgetResult() returns the error */
		}
		next = libpq.PQgetResult(conn);
		more = next;
		/* no statement of Berth is a COPY, and this one would not end */
		if (is_copy(next)) {
			(void)shutdown(libpq.PQsocket(conn), SHUT_RDWR);
			libpq.PQclear(result);
			libpq.PQclear(next);
			return NULL;
		}
		if (next) {
			libpq.PQclear(result);
			result = next;
		}
	}
	if (libpq.PQresultStatus(result) == PGRES_TUPLES_OK && libpq.PQnfields(result) < columns) {
		libpq.PQclear(result);
		return NULL;
	}
	return result;
}

char *libpq_words(const char *text, size_t len)
{
	char *words = str_copy_len(text, len);

	str_plain(words, "");
	return words;
}

#define RESERVED \
	"(current_setting('superuser_reserved_connections')::int + " \
	"coalesce(current_setting('reserved_connections', true)::int, 0))"

static unsigned int number_at(const PGresult *result, int column)
{
	return (unsigned int)strtoul(libpq.PQgetvalue(result, 0, column), NULL, 10);
}

bool libpq_pool(PGconn *conn, int line, struct libpq_pool *ret_pool)
{
	PGresult *result = libpq_ask(conn, line, 3,
	                             "SELECT (SELECT count(*) FROM pg_stat_activity "
	                             "WHERE backend_type = 'client backend'), "
	                             "current_setting('max_connections')::int - " RESERVED
	                             ", " RESERVED,
	                             NULL);
	bool known = libpq.PQresultStatus(result) == PGRES_TUPLES_OK &&
	             libpq.PQntuples(result) == 1;

	if (known)
		*ret_pool = (struct libpq_pool){ number_at(result, 0), number_at(result, 1),
			                         number_at(result, 2) };
	libpq.PQclear(result);
	return known;
}
