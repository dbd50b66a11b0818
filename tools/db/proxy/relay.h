/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RELAY_H
#define BERTH_DB_RELAY_H
/*
 * The relay: listens where a worker believes its database to be, opens one connection to the real server for each that it
 * accepts, and renames databases on the way (names.h). It lives in a process of its own, with a loop of its own.
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
	bool server_tls; /* insist on it on the way there: it leads over a network */
	/* clients were told sslmode=require: offer TLS even if the server does not */
	bool offer_tls;
	int64_t slow_ms; /* statements that take so long are told; 0 = none */
	slow_fn on_slow;
	/* so many clients in a row; may be NULL */
	void (*on_server_refusal)(void *arg, unsigned int count, const char *why);
	/* a client went without a word, idle in a transaction; may be NULL */
	void (*on_abandoned)(void *arg, int64_t idle_ms);
	void (*on_created)(void *arg); /* a client has created a database; may be NULL */
	void *arg;
};

struct relay_counts {
	uint64_t accepted, refused_statements, failed_connects;
	unsigned int open, idle_in_transaction;
	int64_t oldest_transaction_ms; /* idle in transaction since; 0 = none */
};

/** Return: 0; -EADDRINUSE somebody else has the port; -ENOENT the host has no address; -errno. */
int relay_open(const struct relay_setup *setup, struct relay **ret_relay);
void relay_close(struct relay *relay); /* cuts every connection; NULL is fine */

unsigned int relay_max_open(const struct relay *relay); /* connections at once */
/** End the sessions that have been idle in a transaction for @max_ms, as the server would. Return: how many. */
unsigned int relay_end_idle(struct relay *relay, int64_t max_ms);
void relay_count(const struct relay *relay, struct relay_counts *ret_counts);

#endif
