/* SPDX-License-Identifier: MIT */
/*
 * One connection to the server for each connection of a client: it is opened when the start-up
 * packet is known, and closed when either side closes. So the server's own view of who is connected
 * stays true, and DROP DATABASE finds no sessions of a pool.
 *
 *	STARTUP -> [CLIENT_TLS -> STARTUP] -> CONNECTING -> [ASK_TLS -> SERVER_TLS] -> LIVE
 *	LIVE -> DRAIN or FLUSH -> closed
 *
 * DRAIN: the client sends no more. Its last bytes are still on their way to the server, whose
 * socket is then shut down. A client that has only closed its half gets the answers. FLUSH: the
 * server has closed. Its last bytes are still on their way to the client.
 *
 * handshake.c decides what happens before LIVE.
 *
 * Back-pressure: a side is read only while less than RELAY_BACKLOG bytes wait for the other.
 */
#include "tools/db/proxy/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "tools/base/clock.h"

enum { ABANDONED_MS = 1000 };

/* A client that ends between two quick statements was interrupted: its session is not reported. */
static void note_abandoned(const struct connection *conn)
{
	const struct relay_setup *setup = &conn->relay->setup;
	int64_t since_ms;

	if (conn->phase != PHASE_LIVE || conn->terminated ||
	    !connection_is_idle_in_transaction(conn) || !setup->on_abandoned)
		return;
	since_ms = session_since_ms(conn->session);
	if (clock_ms() - since_ms >= ABANDONED_MS)
		setup->on_abandoned(setup->arg, since_ms);
}

/* @got: 0 for a half that is closed, else -errno. */
static void client_closed(struct connection *conn, ssize_t got)
{
	note_abandoned(conn);
	conn->dead = conn->phase != PHASE_LIVE;
	conn->phase = PHASE_DRAIN;
	if (got)
		side_close(conn, &conn->client);
	connection_set_deadline(conn, RELAY_STARTUP_MS);
}

/* Return: true if bytes came, and there may be more. */
static bool read_client(struct connection *conn)
{
	char *buffer = conn->relay->buffer;
	ssize_t got = tls_read(&conn->client.channel, buffer, RELAY_READ_BYTES);

	if (got == -EAGAIN || got == -EINTR)
		return false;
	if (got <= 0) {
		client_closed(conn, got);
		return false;
	}
	if (conn->phase == PHASE_LIVE && conn->session) {
		conn->terminated = got >= 5 && !memcmp(buffer + got - 5, "X\0\0\0\4", 5);
		conn->dead |= session_from_client(conn->session, buffer, (size_t)got) < 0;
	} else if (conn->in.len + (size_t)got > RELAY_BACKLOG) {
		conn->dead = true;
	} else {
		str_add_len(&conn->in, buffer, (size_t)got);
		handshake_from_client(conn);
	}
	return true;
}

static void client_event(struct connection *conn, uint32_t events)
{
	bool lost = events & (EPOLLHUP | EPOLLERR);

	if (events & EPOLLOUT && conn->phase != PHASE_CLIENT_TLS)
		side_flush(conn, &conn->client);
	if (!(events & EPOLLIN) && !lost && conn->phase != PHASE_CLIENT_TLS)
		return;
	if (handshake_client_tls(conn))
		return;
	if (conn->phase == PHASE_DRAIN)
		side_close(conn, &conn->client);
	else if (conn->phase == PHASE_FLUSH)
		conn->dead |= lost;
	else if (side_waiting(&conn->server) < RELAY_BACKLOG || lost)
		/* OpenSSL may hold more than the kernel reports */
		while (read_client(conn) && !conn->dead && conn->client.channel.ssl &&
		       conn->phase == PHASE_LIVE && side_waiting(&conn->server) < RELAY_BACKLOG)
			;
}

static void server_closed(struct connection *conn)
{
	side_close(conn, &conn->server);
	if (conn->phase != PHASE_DRAIN && handshake_retry_with_tls(conn))
		return;
	conn->phase = PHASE_FLUSH;
	connection_set_deadline(conn, RELAY_FLUSH_MS);
}

/* Act on the server's messages about the session. */
static void note_session(struct connection *conn)
{
	const struct relay_setup *setup = &conn->relay->setup;
	cleanup_free char *refusal = session_take_server_refusal(conn->session);

	if (refusal)
		connection_note_server_refusal(conn, refusal);
	else if (session_is_admitted(conn->session))
		conn->relay->server_refusals = 0;
	if (session_take_created(conn->session) && setup->on_created)
		setup->on_created(setup->arg);
}

static void read_server(struct connection *conn)
{
	char *buffer = conn->relay->buffer;
	ssize_t got = tls_read(&conn->server.channel, buffer, RELAY_READ_BYTES);

	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got <= 0) {
		server_closed(conn);
		return;
	}
	if (!conn->session)
		return;
	if (conn->client.channel.fd >= 0)
		conn->dead |= session_from_server(conn->session, buffer, (size_t)got) < 0;
	note_session(conn);
}

static void server_event(struct connection *conn, uint32_t events)
{
	if (handshake_from_server(conn))
		return;
	if (events & EPOLLOUT)
		side_flush(conn, &conn->server);
	if (!conn->dead && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_server(conn);
}

/* --- what to wait for --- */

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

static void on_event(void *arg, int fd, uint32_t events);

static void wait_for(struct connection *conn, struct connection_side *side, uint32_t events)
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

/* After every event: wait for the next, or close the connection. */
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
	wait_for(conn, &conn->client, client_events(conn));
	wait_for(conn, &conn->server, server_events(conn));
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

void traffic_begin(struct relay *relay, int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	settle(connection_open(relay, fd));
}

void traffic_end(struct connection *conn, const char *sqlstate, const char *message)
{
	connection_refuse(conn, sqlstate, message, NULL);
	settle(conn);
}
