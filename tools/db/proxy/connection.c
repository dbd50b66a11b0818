/* SPDX-License-Identifier: MIT */
/* The object connection; see connection.h. It knows no events. */
#include "tools/db/proxy/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/db/proxy/wire.h"

enum { REFUSALS_REPORTED = 10 };

/* --- one side --- */

void side_close(struct connection *conn, struct connection_side *side)
{
	tls_end(&side->channel);
	if (side->channel.fd >= 0) {
		loop_remove(conn->relay->setup.loop, side->channel.fd);
		close(side->channel.fd);
	}
	side->channel.fd = -1;
	side->events = 0;
	str_free(&side->out);
	side->out_at = 0;
}

/* The server must still get what a client sent before it was gone. */
static void side_lost(struct connection *conn, struct connection_side *side)
{
	if (conn->phase == PHASE_DRAIN && side == &conn->client)
		side_close(conn, side);
	else
		conn->dead = true;
}

/* Return: how many bytes of @data were written, before the socket was full or the peer gone. */
static size_t side_write(struct connection *conn, struct connection_side *side, const char *data,
                         size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t put = tls_write(&side->channel, data + done, len - done);

		if (put == -EINTR)
			continue;
		if (put <= 0) {
			if (put != -EAGAIN)
				side_lost(conn, side);
			break;
		}
		done += (size_t)put;
	}
	return done;
}

void side_send(struct connection *conn, struct connection_side *side, const char *data, size_t len)
{
	bool early = side == &conn->server && conn->phase != PHASE_LIVE;

	if (!side_waiting(side) && side->channel.fd >= 0 && !early) {
		size_t done = side_write(conn, side, data, len);

		data += done;
		len -= done;
	}
	if (len && !conn->dead && (conn->phase != PHASE_DRAIN || side->channel.fd >= 0))
		str_add_len(&side->out, data, len);
}

void side_flush(struct connection *conn, struct connection_side *side)
{
	size_t done = side_write(conn, side, side->out.text + side->out_at, side_waiting(side));

	if (side->channel.fd < 0)
		return;
	side->out_at += done;
	if (side_waiting(side))
		return;
	side->out.len = side->out_at = 0;
	if (side->out.capacity > RELAY_BACKLOG * 2)
		str_free(&side->out);
}

/* --- the connection --- */

struct connection *connection_open(struct relay *relay, int fd)
{
	struct connection *conn = mem_alloc(sizeof(*conn));

	*conn = (struct connection){ .relay = relay,
		                     .server_tls = relay->setup.server_tls,
		                     .next = relay->connections,
		                     .at = &relay->connections };
	conn->client.channel.fd = fd;
	conn->server.channel.fd = -1;
	if (conn->next)
		conn->next->at = &conn->next;
	relay->connections = conn;
	connection_set_deadline(conn, RELAY_STARTUP_MS);
	return conn;
}

void connection_close(struct connection *conn)
{
	if (conn->session)
		conn->relay->open--;
	loop_cancel(conn->relay->setup.loop, conn->deadline);
	side_close(conn, &conn->client);
	side_close(conn, &conn->server);
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
	struct loop *loop = conn->relay->setup.loop;

	loop_cancel(loop, conn->deadline);
	conn->deadline = ms ? loop_after(loop, ms, on_deadline, conn) : NULL;
}

static void on_session_emit(void *arg, bool to_server, const char *data, size_t len)
{
	struct connection *conn = arg;

	side_send(conn, to_server ? &conn->server : &conn->client, data, len);
}

void connection_open_session(struct connection *conn)
{
	struct relay *relay = conn->relay;
	cleanup_str struct str logical = { 0 };
	const char *physical = NULL;

	if (wire_startup(conn->packet.text, conn->packet.len, &physical) == WIRE_STARTUP_SESSION)
		names_logical(relay->setup.names, physical, strlen(physical), &logical);
	relay->open += !conn->session;
	relay->max_open = relay->open > relay->max_open ? relay->open : relay->max_open;
	session_free(conn->session);
	conn->session = session_open(relay->setup.names, logical.text, conn->server_tls,
	                             on_session_emit, conn);
	if (relay->setup.slow_ms)
		session_report_slow(conn->session, relay->setup.slow_ms, relay->setup.on_slow,
		                    relay->setup.arg);
}

bool connection_is_idle_in_transaction(const struct connection *conn)
{
	return conn->session && session_is_idle_in_transaction(conn->session);
}

void connection_send_last(struct connection *conn, const struct str *error)
{
	side_send(conn, &conn->client, error->text, error->len);
	conn->phase = PHASE_FLUSH;
	side_close(conn, &conn->server);
	connection_set_deadline(conn, RELAY_FLUSH_MS);
}

void connection_refuse(struct connection *conn, const char *sqlstate, const char *message,
                       const char *hint)
{
	cleanup_str struct str error = { 0 };

	wire_error(&error, "FATAL", sqlstate, message, hint);
	connection_send_last(conn, &error);
}

void connection_note_server_refusal(struct connection *conn, const char *why)
{
	struct relay *relay = conn->relay;

	if (++relay->server_refusals == REFUSALS_REPORTED && relay->setup.on_server_refusal)
		relay->setup.on_server_refusal(relay->setup.arg, relay->server_refusals, why);
}
