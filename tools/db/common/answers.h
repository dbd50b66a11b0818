/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_COMMON_ANSWERS_H
#define BERTH_DB_COMMON_ANSWERS_H
/*
 * Does a server answer? A connection is opened and closed. Blocking, for two seconds at most.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/db/common/url.h"

/** Return: a non-blocking connection to @port of 127.0.0.1 or ::1; -1 if no program listens. */
int db_port_connect(uint16_t port);

/** Return: a program listens on @port of 127.0.0.1 or ::1. */
bool db_port_answers(uint16_t port);

/** Return: that program is a PostgreSQL server. Asks it whether it offers TLS. */
bool db_port_is_postgres(uint16_t port);

/** Return: a program listens where the server of @url is. */
bool db_url_answers(const struct db_url *url);

#endif
