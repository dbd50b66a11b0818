/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_TRAFFIC_H
#define BERTH_DB_TRAFFIC_H
/*
 * The events of a connection. A connection frees itself: after an event, and after either of these
 * calls, it may be gone.
 */
#include "tools/db/proxy/connection.h"

/** Serve the client that was accepted at @fd. */
void traffic_begin(struct relay *relay, int fd);

/** Send the client a FATAL error and close the connection. Not during one of its events. */
void traffic_end(struct connection *conn, const char *sqlstate, const char *message);

#endif
