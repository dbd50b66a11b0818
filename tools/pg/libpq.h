/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_LIBPQ_H
#define BERTH_PG_LIBPQ_H
/*
 * libpq, loaded when a shared server is first talked to. It brings two dozen libraries with it (Kerberos, LDAP), which
 * cost every start of `berth` more than the start itself; most runs never need them.
 *
 *	ret = libpq_load(&error);
 *	connection = PQconnectdbParams(...);		as ever: the names stand for the loaded functions
 *
 * A machine without libpq can do everything but rename databases on a shared server.
 */
#include <libpq-fe.h>

#define LIBPQ(X)                                                                                                     \
	X(PQclear) X(PQconnectdbParams) X(PQconnectionNeedsPassword) X(PQerrorMessage) X(PQescapeIdentifier)         \
	X(PQescapeLiteral) X(PQexec) X(PQexecParams) X(PQfinish) X(PQfreemem) X(PQgetvalue) X(PQntuples)             \
	X(PQresultErrorField) X(PQresultErrorMessage) X(PQresultStatus) X(PQserverVersion) X(PQstatus)

#define LIBPQ_FIELD(name) __typeof__(name) *name##_;
struct libpq { LIBPQ(LIBPQ_FIELD) };
extern struct libpq libpq;

/**
 * @ret_error	why not, a half-sentence, the caller's to free
 * Return: 0, also if it is loaded already; -ENOENT.
 */
int libpq_load(char **ret_error);

#ifndef LIBPQ_OWN_NAMES
#define PQclear libpq.PQclear_
#define PQconnectdbParams libpq.PQconnectdbParams_
#define PQconnectionNeedsPassword libpq.PQconnectionNeedsPassword_
#define PQerrorMessage libpq.PQerrorMessage_
#define PQescapeIdentifier libpq.PQescapeIdentifier_
#define PQescapeLiteral libpq.PQescapeLiteral_
#define PQexec libpq.PQexec_
#define PQexecParams libpq.PQexecParams_
#define PQfinish libpq.PQfinish_
#define PQfreemem libpq.PQfreemem_
#define PQgetvalue libpq.PQgetvalue_
#define PQntuples libpq.PQntuples_
#define PQresultErrorField libpq.PQresultErrorField_
#define PQresultErrorMessage libpq.PQresultErrorMessage_
#define PQresultStatus libpq.PQresultStatus_
#define PQserverVersion libpq.PQserverVersion_
#define PQstatus libpq.PQstatus_
#endif

#endif
