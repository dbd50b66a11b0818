/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_SESSION_H
#define BERTH_DB_SESSION_H
/*
 * What is said on one connection after the start-up packet, in both directions. Knows messages and names, nothing of
 * descriptors: bytes come in, bytes go out through a callback, in order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/db/sql/rewrite.h"
#include "tools/db/proxy/slow.h"

struct session;

typedef void (*session_emit_fn)(void *arg, bool to_server, const char *data, size_t len);

/** @server_tls the server is reached by TLS of our own, so the client's channel cannot be bound to it */
struct session *session_open(struct names *names, bool server_tls, session_emit_fn emit, void *arg);
void session_free(struct session *session);

/** Tell of statements that take @least_ms or longer. */
void session_report_slow(struct session *session, int64_t least_ms, slow_fn tell, void *arg);

/**
 * The server let nobody in without TLS, and its error was kept back, because it may yet do so with TLS.
 * Return: that message; NULL if it said nothing of the kind
 */
const struct str *session_rejection(const struct session *session);

/** Return: 0; -EPROTO this is not the protocol. */
int session_from_client(struct session *session, const char *data, size_t len);
int session_from_server(struct session *session, const char *data, size_t len);

/* and the client has said nothing since */
bool session_is_idle_in_transaction(const struct session *session);
int64_t session_since_ms(const struct session *session); /* since the last ReadyForQuery */
bool session_is_admitted(const struct session *session); /* the server has let the client in */
/* it has no room for it: its words, once, the caller's; else NULL */
char *session_take_server_refusal(struct session *session);
bool session_take_created(struct session *session); /* a database, since this was last asked */
uint64_t session_refused(const struct session *session);

#endif
