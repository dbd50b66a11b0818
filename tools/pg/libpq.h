/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_LIBPQ_H
#define BERTH_PG_LIBPQ_H
/*
 * libpq, loaded when a shared server is first talked to. It brings two dozen libraries with it (Kerberos, LDAP), which
 * cost every start of `berth` more than the start itself; most runs never need them.
 *
 *	ret = libpq_load(&error);
 *	connection = libpq.PQconnectdbParams(...);
 *
 * A machine without libpq can do everything but rename databases on a shared server.
 */
#include <libpq-fe.h>

#include "tools/base/library.h"

#define LIBPQ(X)                                                                                                     \
	X(PQclear) X(PQconnectdbParams) X(PQconnectionNeedsPassword) X(PQerrorMessage) X(PQescapeIdentifier)         \
	X(PQescapeLiteral) X(PQexec) X(PQexecParams) X(PQfinish) X(PQfreemem) X(PQgetvalue) X(PQntuples)             \
	X(PQresultErrorField) X(PQresultErrorMessage) X(PQresultStatus) X(PQserverVersion) X(PQstatus)

extern struct libpq { LIBPQ(LIBRARY_POINTER) } libpq;

/**
 * @ret_error	why not, a half-sentence, the caller's to free
 * Return: 0, also if it is loaded already; -ENOENT.
 */
int libpq_load(char **ret_error);

#endif
