/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_SESSION_H
#define BERTH_DB_SESSION_H
/*
 * The messages of one connection after the start-up packet, in both directions. A session knows
 * messages and names, but no descriptors: bytes come in by calls, and go out in order by a
 * callback.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/db/sql/rewrite.h"
#include "tools/db/proxy/slow.h"

struct session;

typedef void (*session_emit_fn)(void *arg, bool to_server, const char *data, size_t len);

/**
 * @database	the client's, by its logical name; NULL = none. The session copies it.
 * @server_tls	the relay has TLS of its own with the server, so no channel binding is possible
 */
struct session *session_open(struct names *names, const char *database, bool server_tls,
                             session_emit_fn emit, void *arg);
void session_free(struct session *session);

/** Report statements that take @least_ms or longer. */
void session_report_slow(struct session *session, int64_t least_ms, slow_fn report, void *arg);

/** Read bytes of one side. Return: 0; -EPROTO if they are not the protocol. */
int session_from_client(struct session *session, const char *data, size_t len);
int session_from_server(struct session *session, const char *data, size_t len);

/** Has the server let the client in? */
bool session_is_admitted(const struct session *session);

/**
 * The server did not let the client in because the connection has no TLS. This error was kept back,
 * because the relay may connect again with TLS.
 * Return: the message, for the client; NULL if there was none
 */
const struct str *session_rejection(const struct session *session);

/**
 * The server has no connection left, or cannot serve now.
 * Return: its message, once, the caller's to free; else NULL
 */
char *session_take_server_refusal(struct session *session);

/** Has the client created a database since the last call? */
bool session_take_created(struct session *session);

/** Is a transaction open, and has the client sent nothing since the last answer? */
bool session_is_idle_in_transaction(const struct session *session);

/** Return: the time of the last answer (ReadyForQuery), by clock_ms(). */
int64_t session_since_ms(const struct session *session);

#endif
