/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_HANDSHAKE_H
#define BERTH_DB_HANDSHAKE_H
/* What happens on a connection before the first message of its session. */
#include "tools/db/proxy/connection.h"

/** Read the client's start-up packets from conn->in. */
void handshake_from_client(struct connection *conn);

/**
 * Continue TLS with the client, or begin it if the client does. Return: false if the event is none
 * of TLS.
 */
bool handshake_client_tls(struct connection *conn);

/** Continue on the way to the server. Return: false if the connection is past its handshake. */
bool handshake_from_server(struct connection *conn);

/**
 * The server has closed: connect again with TLS, if it let nobody in without.
 * Return: false if the connection is to end.
 */
bool handshake_retry_with_tls(struct connection *conn);

#endif
