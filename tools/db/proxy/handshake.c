/* SPDX-License-Identifier: MIT */
/*
 * SSLRequest gets the answer that the server itself would give. So a client that insists on TLS is
 * served from its first connection on, and a client that only prefers it pays for TLS where it did
 * before. The answer is also yes if the URL says sslmode=require, or if the server could not be
 * asked. The certificate is made when it is first needed. GSSENCRequest gets no.
 *
 * Bytes that a client sends ahead of such an answer are refused, as PostgreSQL does
 * (CVE-2021-23222).
 *
 * Passwords pass as they are, because neither MD5 nor SCRAM covers the name of the database. Keys
 * for cancelling pass as well, so a CancelRequest needs no table and goes to the server as it is.
 */
#include "tools/db/proxy/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "tools/db/proxy/peer.h"
#include "tools/db/proxy/wire.h"

/* Return: NULL if this machine has no OpenSSL. */
static struct tls *relay_tls(struct relay *relay)
{
	if (!relay->tls && !relay->no_tls)
		relay->no_tls = tls_open(&relay->tls) != 0;
	return relay->tls;
}

/* --- the way to the server --- */

static int connect_server(struct connection *conn)
{
	struct relay *relay = conn->relay;
	int one = 1;
	int fd = socket(relay->server.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (relay->server.ss_family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	conn->server.channel.fd = fd;
	conn->phase = PHASE_CONNECTING;
	if (connect(fd, (struct sockaddr *)&relay->server, relay->server_len) &&
	    errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void server_unreachable(struct connection *conn, int error)
{
	cleanup_free char *words = str_print("the database server cannot be reached: %s",
	                                     strerror(-error));

	connection_note_server_refusal(conn, words);
	connection_refuse(conn, "57P03", words, NULL);
}

/* --- the client --- */

static void begin_session(struct connection *conn, const char *packet, size_t len)
{
	struct names *names = conn->relay->setup.names;
	cleanup_str struct str physical = { 0 };
	const char *database = NULL;
	int ret;

	/* a server with `peer` authentication takes this process for the client */
	if (*conn->relay->setup.host == '/' && !peer_is_ours(conn->client.channel.fd)) {
		connection_refuse(conn, "28000",
		                  "this relay belongs to another user and reaches its server by a "
		                  "unix socket",
		                  NULL);
		return;
	}
	switch (wire_startup(packet, len, &database)) {
	case WIRE_STARTUP_BAD:
		connection_refuse(conn, "08P01", "invalid startup packet layout", NULL);
		return;
	case WIRE_STARTUP_OLD:
		connection_refuse(conn, "0A000", "unsupported frontend protocol", NULL);
		return;
	case WIRE_STARTUP_LOGICAL_REPLICATION:
		connection_refuse(
			conn, "0A000", "logical replication is not possible through Berth's relay",
			"The server is shared: run with --db-mode private for a server of your "
			"own.");
		return;
	case WIRE_STARTUP_PHYSICAL: str_add_len(&conn->packet, packet, len); break;
	case WIRE_STARTUP_SESSION:
		if (!names_may_learn(names, database, strlen(database))) {
			connection_refuse(conn, "53400", "too many databases have been asked for",
			                  NULL);
			return;
		}
		names_learn(names, database, strlen(database));
		names_physical(names, database, strlen(database), &physical);
		wire_startup_rename(packet, len, physical.text, &conn->packet);
		break;
	}
	connection_open_session(conn);
	ret = connect_server(conn);
	if (ret)
		server_unreachable(conn, ret);
}

static void answer_tls(struct connection *conn)
{
	bool yes = conn->relay->offer_tls && relay_tls(conn->relay);

	if (conn->in.len) {
		connection_refuse(conn, "08P01", "received unencrypted data after SSL request",
		                  NULL);
		return;
	}
	conn->asked_tls = true;
	side_send(conn, &conn->client, yes ? "S" : "N", 1);
	if (yes && !tls_begin(conn->relay->tls, &conn->client.channel, true))
		conn->phase = PHASE_CLIENT_TLS;
}

static void answer_gss(struct connection *conn)
{
	if (conn->in.len) {
		connection_refuse(conn, "08P01",
		                  "received unencrypted data after GSSAPI encryption request",
		                  NULL);
		return;
	}
	conn->asked_gss = true;
	side_send(conn, &conn->client, "N", 1);
}

/* A second request for encryption is a protocol that is unknown. */
static void startup_packet(struct connection *conn, const char *packet, size_t len)
{
	uint32_t code = wire_get32(packet + 4);

	if (code == WIRE_SSL && len == 8 && !conn->asked_tls) {
		answer_tls(conn);
	} else if (code == WIRE_GSSENC && len == 8 && !conn->asked_gss) {
		answer_gss(conn);
	} else if (code == WIRE_CANCEL && len >= 16) {
		str_add_len(&conn->packet, packet, len);
		conn->dead |= connect_server(conn) != 0;
	} else {
		begin_session(conn, packet, len);
	}
}

/* In direct TLS the first byte is that of a TLS record. It must stay where OpenSSL finds it. */
static bool begins_tls(struct connection *conn)
{
	char first;

	return conn->phase == PHASE_STARTUP && !conn->client.channel.ssl && !conn->in.len &&
	       !conn->asked_tls && !conn->asked_gss &&
	       recv(conn->client.channel.fd, &first, 1, MSG_PEEK) == 1 && first == 0x16 &&
	       relay_tls(conn->relay) && !tls_begin(conn->relay->tls, &conn->client.channel, true);
}

bool handshake_client_tls(struct connection *conn)
{
	int ret;

	if (begins_tls(conn))
		conn->phase = PHASE_CLIENT_TLS;
	if (conn->phase != PHASE_CLIENT_TLS)
		return false;
	ret = tls_handshake(&conn->client.channel);
	if (!ret)
		conn->phase = PHASE_STARTUP;
	else if (ret != -EAGAIN)
		conn->dead = true;
	return true;
}

void handshake_from_client(struct connection *conn)
{
	while (conn->phase == PHASE_STARTUP && conn->in.len >= 8) {
		uint32_t len = wire_get32(conn->in.text);
		cleanup_free char *packet = NULL;
		struct str rest = { 0 };

		/* PostgreSQL closes such a connection without an answer, too */
		if (len < 8 || len > WIRE_STARTUP_MAX) {
			conn->dead = true;
			return;
		}
		if (conn->in.len < len)
			return;
		str_add_len(&rest, conn->in.text + len, conn->in.len - len);
		packet = str_take(&conn->in);
		conn->in = rest; /* sent ahead: for the server, once it is connected */
		startup_packet(conn, packet, len);
	}
}

/* --- the server --- */

static void server_ready(struct connection *conn)
{
	conn->phase = PHASE_LIVE;
	side_send(conn, &conn->server, conn->packet.text, conn->packet.len);
	if (conn->session && conn->in.len) {
		conn->dead |= session_from_client(conn->session, conn->in.text, conn->in.len) < 0;
		str_free(&conn->in);
	}
	connection_set_deadline(conn, 0);
}

static void server_connected(struct connection *conn)
{
	char request[8];
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(conn->server.channel.fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
		server_unreachable(conn, error ? -error : -errno);
		return;
	}
	if (!conn->server_tls) {
		server_ready(conn);
		return;
	}
	wire_put32(request, 8);
	wire_put32(request + 4, WIRE_SSL);
	conn->phase = PHASE_ASK_TLS;
	conn->dead |= tls_write(&conn->server.channel, request, 8) != 8;
}

static void server_tls_step(struct connection *conn)
{
	int ret = tls_handshake(&conn->server.channel);

	if (!ret)
		server_ready(conn);
	else if (ret != -EAGAIN)
		connection_refuse(conn, "08006",
		                  "the TLS handshake with the database server failed", NULL);
}

static void server_tls_answer(struct connection *conn)
{
	char answer = 0;
	ssize_t got = tls_read(&conn->server.channel, &answer, 1);

	if (got == -EAGAIN)
		return;
	if (got == 1 && answer == 'N' && !conn->rejection.len) {
		connection_refuse(conn, "08006",
		                  "the database server does not speak TLS, and Berth's URL has "
		                  "sslmode=require",
		                  NULL);
		return;
	}
	if (got == 1 && answer == 'N') {
		connection_send_last(conn, &conn->rejection);
		return;
	}
	if (got != 1 || answer != 'S' || !relay_tls(conn->relay) ||
	    tls_begin(conn->relay->tls, &conn->server.channel, false)) {
		connection_refuse(conn, "08006",
		                  "the TLS handshake with the database server failed", NULL);
		return;
	}
	conn->phase = PHASE_SERVER_TLS;
	server_tls_step(conn); /* a TLS client sends first */
}

bool handshake_from_server(struct connection *conn)
{
	if (conn->phase == PHASE_CONNECTING)
		server_connected(conn);
	else if (conn->phase == PHASE_ASK_TLS)
		server_tls_answer(conn);
	else if (conn->phase == PHASE_SERVER_TLS)
		server_tls_step(conn);
	else
		return false;
	return true;
}

bool handshake_retry_with_tls(struct connection *conn)
{
	const struct str *rejection = conn->session ? session_rejection(conn->session) : NULL;
	int ret;

	if (!rejection || conn->server_tls)
		return false;
	str_add_len(&conn->rejection, rejection->text, rejection->len);
	conn->server_tls = true;
	connection_open_session(conn);
	connection_set_deadline(conn, RELAY_STARTUP_MS);
	ret = connect_server(conn);
	if (ret)
		server_unreachable(conn, ret);
	return true;
}
