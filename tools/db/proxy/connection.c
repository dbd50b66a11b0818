/* SPDX-License-Identifier: MIT */
/*
 * One connection of a client, one connection to the server, opened when the start-up packet is known and closed when either
 * side closes: the server's own view of who is connected stays true, and DROP DATABASE finds no sessions of a pool.
 *
 *	STARTUP -> [CLIENT_TLS -> STARTUP] -> CONNECTING -> [ASK_TLS -> SERVER_TLS] -> LIVE -> DRAIN or FLUSH
 *
 * DRAIN: the client says no more. What it sent last is still on its way to the server, which is then told so; a client that
 * has only closed its half hears the answers. FLUSH: the server has gone, what it said last is still on its way to the client.
 *
 * What comes before LIVE is handshake.c.
 *
 * Back-pressure: a side is read only while less than RELAY_BACKLOG bytes wait for the other.
 */
#include "tools/db/proxy/relay.h"
#include "tools/db/proxy/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/db/proxy/wire.h"

enum { ABANDONED_MS = 1000 };

static void on_event(void *arg, int fd, uint32_t events);

/* --- ends --- */

void side_close(struct relay *relay, struct connection_side *side)
{
	tls_end(&side->channel);
	if (side->channel.fd >= 0) {
		loop_remove(relay->setup.loop, side->channel.fd);
		close(side->channel.fd);
	}
	side->channel.fd = -1;
	side->events = 0;
	str_free(&side->out);
	side->out_at = 0;
}

static void side_want(struct connection *conn, struct connection_side *side, uint32_t events)
{
	struct loop *loop = conn->relay->setup.loop;

	if (side->channel.fd < 0 || events == side->events)
		return;
	if (!side->events)
		(void)loop_add(loop, side->channel.fd, events, on_event, conn);
	else
		(void)loop_change(loop, side->channel.fd, events);
	side->events = events;
}

void connection_close(struct connection *conn)
{
	struct relay *relay = conn->relay;

	if (conn->session) {
		relay->refused_statements += session_refused(conn->session);
		relay->open--;
	}
	loop_cancel(relay->setup.loop, conn->deadline);
	side_close(relay, &conn->client);
	side_close(relay, &conn->server);
	session_free(conn->session);
	str_free(&conn->in);
	str_free(&conn->packet);
	str_free(&conn->rejection);
	*conn->at = conn->next;
	if (conn->next)
		conn->next->at = conn->at;
	free(conn);
}

static void on_deadline(void *arg)
{
	struct connection *conn = arg;

	conn->deadline = NULL;
	connection_close(conn);
}

void connection_set_deadline(struct connection *conn, int64_t ms)
{
	loop_cancel(conn->relay->setup.loop, conn->deadline);
	conn->deadline = ms ? loop_after(conn->relay->setup.loop, ms, on_deadline, conn) : NULL;
}

/* Write what waits. Return: false if the peer is gone. */
bool side_flush(struct connection_side *side)
{
	while (side_waiting(side)) {
		ssize_t put = tls_write(&side->channel, side->out.text + side->out_at,
		                        side_waiting(side));

		if (put == -EINTR)
			continue;
		if (put <= 0)
			return put == -EAGAIN;
		side->out_at += (size_t)put;
	}
	side->out.len = side->out_at = 0;
	if (side->out.room > RELAY_BACKLOG * 2)
		str_free(&side->out);
	return true;
}

/* A client that is gone must not take with it what it has sent. */
static void side_lost(struct connection *conn, struct connection_side *side)
{
	if (conn->phase == PHASE_DRAIN && side == &conn->client)
		side_close(conn->relay, side);
	else
		conn->dead = true;
}

void side_send(struct connection *conn, struct connection_side *side, const char *data, size_t len)
{
	while (len && !side_waiting(side) && side->channel.fd >= 0 &&
	       !(side == &conn->server && conn->phase != PHASE_LIVE)) {
		ssize_t put = tls_write(&side->channel, data, len);

		if (put == -EINTR)
			continue;
		if (put <= 0) {
			if (put != -EAGAIN)
				side_lost(conn, side);
			break;
		}
		data += put;
		len -= (size_t)put;
	}
	if (len && !conn->dead && (conn->phase != PHASE_DRAIN || side->channel.fd >= 0))
		str_add_len(&side->out, data, len);
}

static void on_session_emit(void *arg, bool to_server, const char *data, size_t len)
{
	struct connection *conn = arg;

	side_send(conn, to_server ? &conn->server : &conn->client, data, len);
}

void connection_open_session(struct connection *conn)
{
	struct relay *relay = conn->relay;

	relay->open += !conn->session;
	relay->max_open = relay->open > relay->max_open ? relay->open : relay->max_open;
	session_free(conn->session);
	conn->session = session_open(relay->setup.names, conn->server_tls, on_session_emit, conn);
	if (relay->setup.slow_ms)
		session_tell_slow(conn->session, relay->setup.slow_ms, relay->setup.on_slow,
		                  relay->setup.arg);
}

/* The server has closed. */
static void server_closed(struct connection *conn)
{
	side_close(conn->relay, &conn->server);
	if (conn->phase != PHASE_DRAIN && handshake_again_with_tls(conn))
		return;
	conn->phase = PHASE_FLUSH;
	connection_set_deadline(conn, RELAY_FLUSH_MS);
}

void connection_say_last(struct connection *conn, const struct str *error)
{
	side_send(conn, &conn->client, error->text, error->len);
	conn->phase = PHASE_FLUSH;
	side_close(conn->relay, &conn->server);
	connection_set_deadline(conn, RELAY_FLUSH_MS);
}

void connection_refuse(struct connection *conn, const char *sqlstate, const char *message,
                       const char *hint)
{
	cleanup_str struct str error = { 0 };

	wire_error(&error, "FATAL", sqlstate, message, hint);
	connection_say_last(conn, &error);
}

/* --- traffic --- */

bool connection_is_idle_in_transaction(const struct connection *conn)
{
	return conn->session && session_is_idle_in_transaction(conn->session);
}

/* A process that ends between two statements in quick succession was interrupted: that is no session that was left. */
static void client_gone(struct connection *conn)
{
	const struct relay_setup *setup = &conn->relay->setup;
	int64_t idle_ms;

	if (conn->phase != PHASE_LIVE || conn->terminated ||
	    !connection_is_idle_in_transaction(conn) || !setup->on_abandoned)
		return;
	idle_ms = clock_ms() - session_since_ms(conn->session);
	if (idle_ms >= ABANDONED_MS)
		setup->on_abandoned(setup->arg, idle_ms);
}

/* Return: true if something came, and there may be more. */
static bool read_client(struct connection *conn)
{
	struct relay *relay = conn->relay;
	ssize_t got = tls_read(&conn->client.channel, relay->buffer, RELAY_READ_BYTES);

	if (got == -EAGAIN || got == -EINTR)
		return false;
	if (got <= 0) {
		client_gone(conn);
		conn->dead = conn->phase != PHASE_LIVE;
		conn->phase = PHASE_DRAIN;
		if (got)
			side_close(relay, &conn->client);
		connection_set_deadline(conn, RELAY_STARTUP_MS);
		return false;
	}
	if (conn->phase == PHASE_LIVE && conn->session) {
		conn->terminated = got >= 5 && !memcmp(relay->buffer + got - 5, "X\0\0\0\4", 5);
		conn->dead |= session_from_client(conn->session, relay->buffer, (size_t)got) < 0;
	} else if (conn->in.len + (size_t)got > RELAY_BACKLOG) {
		conn->dead = true;
	} else {
		str_add_len(&conn->in, relay->buffer, (size_t)got);
		handshake_from_client(conn);
	}
	return true;
}

static void note_admission(struct connection *conn)
{
	cleanup_free char *why = session_take_server_refusal(conn->session);

	if (why)
		relay_note_refusal(conn->relay, why);
	else if (session_is_admitted(conn->session))
		conn->relay->server_refusals = 0;
}

static void read_server(struct connection *conn)
{
	ssize_t got = tls_read(&conn->server.channel, conn->relay->buffer, RELAY_READ_BYTES);

	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got <= 0)
		server_closed(conn);
	else if (conn->session && conn->client.channel.fd >= 0)
		conn->dead |= session_from_server(conn->session, conn->relay->buffer, (size_t)got) <
		              0;
	if (got <= 0 || !conn->session)
		return;
	note_admission(conn);
	if (session_take_created(conn->session) && conn->relay->setup.on_created)
		conn->relay->setup.on_created(conn->relay->setup.arg);
}

static void client_tls_step(struct connection *conn)
{
	int ret = tls_handshake(&conn->client.channel);

	if (!ret)
		conn->phase = PHASE_STARTUP;
	else if (ret != -EAGAIN)
		conn->dead = true;
}

/* Direct TLS: the first byte is that of a TLS record. It must stay where OpenSSL will find it. */
static bool begins_tls(struct connection *conn)
{
	char first;

	return conn->phase == PHASE_STARTUP && !conn->client.channel.ssl && !conn->in.len &&
	       !conn->asked_tls && !conn->asked_gss &&
	       recv(conn->client.channel.fd, &first, 1, MSG_PEEK) == 1 && first == 0x16 &&
	       relay_tls(conn->relay) && !tls_begin(conn->relay->tls, &conn->client.channel, true);
}

static void client_event(struct connection *conn, uint32_t events)
{
	if (events & EPOLLOUT && conn->phase != PHASE_CLIENT_TLS && !side_flush(&conn->client))
		side_lost(conn, &conn->client);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && conn->phase != PHASE_CLIENT_TLS)
		return;
	if (begins_tls(conn))
		conn->phase = PHASE_CLIENT_TLS;
	if (conn->phase == PHASE_CLIENT_TLS)
		client_tls_step(conn);
	else if (conn->phase == PHASE_DRAIN)
		side_close(conn->relay, &conn->client);
	else if (conn->phase == PHASE_FLUSH)
		conn->dead |= (events & (EPOLLHUP | EPOLLERR)) != 0;
	else if (side_waiting(&conn->server) < RELAY_BACKLOG || events & (EPOLLHUP | EPOLLERR))
		/* OpenSSL may hold more than the kernel will tell us of */
		while (read_client(conn) && !conn->dead && conn->client.channel.ssl &&
		       conn->phase == PHASE_LIVE && side_waiting(&conn->server) < RELAY_BACKLOG)
			;
}

static void server_event(struct connection *conn, uint32_t events)
{
	if (conn->phase == PHASE_CONNECTING || conn->phase == PHASE_ASK_TLS ||
	    conn->phase == PHASE_SERVER_TLS) {
		handshake_from_server(conn);
		return;
	}
	if (events & EPOLLOUT)
		conn->dead |= !side_flush(&conn->server);
	if (!conn->dead && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_server(conn);
}

static uint32_t client_events(const struct connection *conn)
{
	const struct connection_side *client = &conn->client;
	bool reads = conn->phase == PHASE_STARTUP || conn->phase == PHASE_CLIENT_TLS ||
	             (conn->phase == PHASE_LIVE && side_waiting(&conn->server) < RELAY_BACKLOG);

	return (reads ? EPOLLIN : 0u) |
	       (side_waiting(client) || client->channel.wants_write ? EPOLLOUT : 0u) | EPOLLPRI;
}

static uint32_t server_events(const struct connection *conn)
{
	const struct connection_side *server = &conn->server;

	if (conn->phase == PHASE_CONNECTING)
		return EPOLLOUT;
	return (side_waiting(&conn->client) < RELAY_BACKLOG ? EPOLLIN : 0u) |
	       (side_waiting(server) || server->channel.wants_write ? EPOLLOUT : 0u) | EPOLLPRI;
}

/* After every step: what to wait for now, or the end. */
static void settle(struct connection *conn)
{
	bool sent = conn->phase == PHASE_DRAIN && !side_waiting(&conn->server);

	if (conn->dead || (conn->phase == PHASE_FLUSH && !side_waiting(&conn->client)) ||
	    (sent && conn->client.channel.fd < 0)) {
		connection_close(conn);
		return;
	}
	if (sent && !conn->server_shut) {
		conn->server_shut = true;
		tls_shut(&conn->server.channel);
		connection_set_deadline(conn, 0); /* its last statement may take its time */
	}
	side_want(conn, &conn->client, client_events(conn));
	side_want(conn, &conn->server, server_events(conn));
}

static void on_event(void *arg, int fd, uint32_t events)
{
	struct connection *conn = arg;

	if (fd == conn->client.channel.fd)
		client_event(conn, events);
	else
		server_event(conn, events);
	settle(conn);
}

void connection_end(struct connection *conn, const char *sqlstate, const char *message)
{
	connection_refuse(conn, sqlstate, message, NULL);
	settle(conn);
}

void connection_open(struct relay *relay, int fd)
{
	struct connection *conn = mem_alloc(sizeof(*conn));
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*conn = (struct connection){ .relay = relay,
		                     .server_tls = relay->setup.server_tls,
		                     .next = relay->connections,
		                     .at = &relay->connections };
	conn->client.channel.fd = fd;
	conn->server.channel.fd = -1;
	if (conn->next)
		conn->next->at = &conn->next;
	relay->connections = conn;
	relay->accepted++;
	connection_set_deadline(conn, RELAY_STARTUP_MS);
	settle(conn);
}
