/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RELAY_H
#define BERTH_DB_RELAY_H
/*
 * The relay listens where a worker expects its database. It opens one connection to the user's
 * server for each connection that it accepts, and renames databases on the way (names.h). It runs
 * in a process of its own, with a loop of its own.
 */
#include <stdint.h>

#include "tools/base/loop.h"
#include "tools/db/sql/names.h"
#include "tools/db/proxy/slow.h"

struct relay;

struct relay_setup {
	struct loop *loop;
	struct names *names;     /* shared with the caller, who outlives the relay */
	uint16_t port;           /* real port to listen on: 127.0.0.1 and ::1 */
	const char *socket_path; /* unix socket to listen on; NULL = none */
	const char *host;        /* the server: a name, an address, or a socket directory */
	uint16_t server_port;
	bool server_tls; /* insist on it on the way to the server, which leads over a network */
	bool offer_tls; /* to clients, whose URL has sslmode=require, even if the server does not */
	int64_t slow_ms; /* report statements that take so long; 0 = none */
	slow_fn on_slow;
	/* the next three may be NULL */
	void (*on_server_refusal)(void *arg, unsigned int count, const char *why); /* in a row */
	/* by a client that was idle in a transaction since then: CLOCK_MONOTONIC */
	void (*on_abandoned)(void *arg, int64_t since_ms);
	void (*on_created)(void *arg); /* by a client: a database */
	void *arg;
};

/**
 * Return: 0; -EADDRINUSE: another process has the port; -ENOENT: the host has no address; -errno.
 */
int relay_open(const struct relay_setup *setup, struct relay **ret_relay);

/** Close all connections. @relay may be NULL. */
void relay_close(struct relay *relay);

/** Return: how many connections there were at the same time. */
unsigned int relay_max_open(const struct relay *relay);

/**
 * End the sessions that have been idle in a transaction for @max_ms, as the server would. Return:
 * how many.
 */
unsigned int relay_end_idle(struct relay *relay, int64_t max_ms);

/**
 * Count the sessions that are idle in a transaction.
 * @ret_since_ms	lowered to when the oldest began, by clock_ms(); 0 = none
 */
unsigned int relay_count_idle(const struct relay *relay, int64_t *ret_since_ms);

#endif
