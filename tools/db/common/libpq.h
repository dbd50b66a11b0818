/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_LIBPQ_H
#define BERTH_DB_LIBPQ_H
/*
 * libpq, loaded when it is first needed. It depends on two dozen libraries (Kerberos, LDAP), and to
 * load them at every start of `berth` would cost more than the start itself. Most runs never need
 * them.
 *
 *	ret = libpq_load(&error);
 *	conn = libpq_connect(&target, timeout_ms);
 *
 * Without libpq a machine cannot use rename mode; the sampler of private servers is off, too.
 */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/library.h"
#include "tools/db/common/url.h"

/* clang-format off */
#define LIBPQ(X) \
	X(PQclear) X(PQconnectPoll) X(PQconnectStartParams) X(PQconnectionNeedsPassword) \
	X(PQconsumeInput) X(PQerrorMessage) X(PQescapeIdentifier) X(PQescapeLiteral) \
	X(PQfinish) X(PQfreemem) X(PQgetResult) X(PQgetvalue) X(PQisBusy) X(PQnfields) \
	X(PQntuples) X(PQresultErrorField) X(PQresultErrorMessage) X(PQresultStatus) \
	X(PQsendQuery) X(PQsendQueryParams) X(PQserverVersion) X(PQsetNoticeReceiver) \
	X(PQsocket) X(PQstatus)
/* clang-format on */

extern struct libpq {
	LIBPQ(LIBRARY_POINTER)
} libpq;

/**
 * @ret_error	why not: a half-sentence, the caller's to free
 * Return: 0, also if it is loaded already; -ENOENT.
 */
int libpq_load(char **ret_error);

struct libpq_target {
	const char *host; /* or the directory of a socket */
	uint16_t port;
	const char *database;
	const struct db_url *url; /* role and password */
	const char *sslmode;      /* NULL = libpq's default */
	const char *options;      /* settings of the session, beside search_path: "-c NAME=VALUE" */
};

/** Connect within @max_ms. Return: as PQconnectdbParams(3). The server's notices are dropped. */
PGconn *libpq_connect(const struct libpq_target *target, int max_ms);

struct libpq_pool {
	unsigned int used;     /* connections of clients, this one included */
	unsigned int max;      /* that ordinary roles may have */
	unsigned int reserved; /* that they may not have */
};

/** Return: false if the server does not say. @line as in libpq_ask(). */
bool libpq_pool(PGconn *conn, int line, struct libpq_pool *ret_pool);

const char *libpq_error(const PGconn *conn); /* never "" */

/**
 * As PQexec(), with a deadline a little longer than statement_timeout.
 * @line	a coprocess's line: when it closes, the wait ends soon; -1 = none
 * @value	of $1; NULL = the statement has none
 * Return: the last result, PQclear() it; NULL, which all of libpq takes for an error, also if rows
 * have fewer than @columns.
 */
PGresult *libpq_ask(PGconn *conn, int line, int columns, const char *sql, const char *value);

/** A message of a server or of libpq, without control characters. The caller's to free. */
char *libpq_words(const char *text, size_t len);

#endif
