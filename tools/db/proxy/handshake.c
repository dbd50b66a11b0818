/* SPDX-License-Identifier: MIT */
/*
 * How a link begins, up to the first byte that the session sees.
 *
 * SSLRequest is answered as the server itself would, so a client that insists is served from its first connection on, and
 * one that merely prefers pays for a handshake only where it did before; S also if the URL says so or the server could not
 * be asked. The certificate is made when it is needed first. GSSENCRequest is answered N. Whatever was sent ahead of an
 * answer is refused, as PostgreSQL does (CVE-2021-23222). Passwords pass through: neither MD5 nor SCRAM covers the
 * database name. Keys for cancelling pass through too, so a CancelRequest needs no table: it goes to the server as it is.
 */
#include "tools/db/proxy/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "tools/db/proxy/peer.h"
#include "tools/db/proxy/wire.h"

/* --- the client's start --- */

static int connect_server(struct link *link)
{
	struct relay *relay = link->relay;
	int one = 1;
	int fd = socket(relay->server.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (relay->server.ss_family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	link->server.channel.fd = fd;
	link->phase = CONNECTING;
	if (connect(fd, (struct sockaddr *)&relay->server, relay->server_len) &&
	    errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void server_unreachable(struct link *link, int error)
{
	cleanup_free char *words = str_print("the database server cannot be reached: %s",
	                                     strerror(-error));

	relay_turn_away(link->relay, words);
	link_refuse(link, "57P03", words, NULL);
}

static void begin_session(struct link *link, const char *packet, size_t len)
{
	struct names *names = link->relay->setup.names;
	cleanup_str struct str physical = { 0 };
	const char *database = NULL;
	int ret;

	/* `peer` takes whoever comes through the server's socket for us */
	if (*link->relay->setup.host == '/' && !peer_is_ours(link->client.channel.fd)) {
		link_refuse(link, "28000",
		            "this relay is another user's, and speaks to its server through a unix "
		            "socket",
		            NULL);
		return;
	}
	switch (wire_startup(packet, len, &database)) {
	case WIRE_STARTUP_BAD:
		link_refuse(link, "08P01", "invalid startup packet layout", NULL);
		return;
	case WIRE_STARTUP_OLD:
		link_refuse(link, "0A000", "unsupported frontend protocol", NULL);
		return;
	case WIRE_STARTUP_LOGICAL_REPLICATION:
		link_refuse(link, "0A000",
		            "logical replication is not possible through Berth's relay",
		            "The server is shared: run with --db-mode private for a server of your "
		            "own.");
		return;
	case WIRE_STARTUP_PHYSICAL: str_add_len(&link->packet, packet, len); break;
	case WIRE_STARTUP_SESSION:
		if (!names_may_learn(names, database, strlen(database))) {
			link_refuse(link, "53400", "too many databases have been asked for", NULL);
			return;
		}
		names_learn(names, database, strlen(database));
		names_physical(names, database, strlen(database), &physical);
		wire_startup_rename(packet, len, physical.text, &link->packet);
		break;
	}
	link_open_session(link);
	ret = connect_server(link);
	if (ret)
		server_unreachable(link, ret);
}

static void answer_tls(struct link *link)
{
	bool yes = link->relay->offer_tls && relay_tls(link->relay);

	if (link->in.len) {
		link_refuse(link, "08P01", "received unencrypted data after SSL request", NULL);
		return;
	}
	link->asked_tls = true;
	end_send(link, &link->client, yes ? "S" : "N", 1);
	if (yes && !tls_begin(link->relay->tls, &link->client.channel, true))
		link->phase = CLIENT_TLS;
}

static void answer_gss(struct link *link)
{
	if (link->in.len) {
		link_refuse(link, "08P01",
		            "received unencrypted data after GSSAPI encryption request", NULL);
		return;
	}
	link->asked_gss = true;
	end_send(link, &link->client, "N", 1);
}

static void pass_cancel(struct link *link, const char *packet, size_t len)
{
	str_add_len(&link->packet, packet, len);
	link->cancels = true;
	if (connect_server(link))
		link->dead = true;
}

/* What asks for encryption a second time asks for a protocol that nobody knows. */
static void startup_packet(struct link *link, const char *packet, size_t len)
{
	uint32_t code = wire_get32(packet + 4);

	if (code == WIRE_SSL && len == 8 && !link->asked_tls)
		answer_tls(link);
	else if (code == WIRE_GSSENC && len == 8 && !link->asked_gss)
		answer_gss(link);
	else if (code == WIRE_CANCEL && len >= 16)
		pass_cancel(link, packet, len);
	else
		begin_session(link, packet, len);
}

void greeting_from_client(struct link *link)
{
	while (link->phase == STARTUP && link->in.len >= 8) {
		uint32_t len = wire_get32(link->in.text);
		cleanup_free char *packet = NULL;
		struct str rest = { 0 };

		/* TLS without asking, too: as before a server, nobody gets an answer */
		if (len < 8 || len > WIRE_STARTUP_MOST) {
			link->dead = true;
			return;
		}
		if (link->in.len < len)
			return;
		str_add_len(&rest, link->in.text + len, link->in.len - len);
		packet = str_take(&link->in);
		link->in = rest; /* sent ahead: kept until the server is there */
		startup_packet(link, packet, len);
	}
}

/* --- the server's start --- */

static void server_ready(struct link *link)
{
	link->phase = LIVE;
	end_send(link, &link->server, link->packet.text, link->packet.len);
	if (link->session && link->in.len) {
		link->dead |= session_from_client(link->session, link->in.text, link->in.len) < 0;
		str_free(&link->in);
	}
	link_set_deadline(link, 0);
}

static void server_connected(struct link *link)
{
	char request[8];
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(link->server.channel.fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
		server_unreachable(link, error ? -error : -errno);
		return;
	}
	if (!link->server_tls) {
		server_ready(link);
		return;
	}
	wire_put32(request, 8);
	wire_put32(request + 4, WIRE_SSL);
	link->phase = ASK_TLS;
	link->dead |= tls_write(&link->server.channel, request, 8) != 8;
}

static void server_tls_step(struct link *link)
{
	int ret = tls_handshake(&link->server.channel);

	if (!ret)
		server_ready(link);
	else if (ret != -EAGAIN)
		link_refuse(link, "08006", "the TLS handshake with the database server failed",
		            NULL);
}

static void server_tls_answer(struct link *link)
{
	char answer = 0;
	ssize_t got = tls_read(&link->server.channel, &answer, 1);

	if (got == -EAGAIN)
		return;
	if (got == 1 && answer == 'N' && !link->rejection.len) {
		link_refuse(link, "08006",
		            "the database server does not speak TLS, and Berth's URL has "
		            "sslmode=require",
		            NULL);
		return;
	}
	if (got == 1 && answer == 'N') {
		link_say_last(link, &link->rejection);
		return;
	}
	if (got != 1 || answer != 'S' || !relay_tls(link->relay) ||
	    tls_begin(link->relay->tls, &link->server.channel, false)) {
		link_refuse(link, "08006", "the TLS handshake with the database server failed",
		            NULL);
		return;
	}
	link->phase = SERVER_TLS;
	server_tls_step(link); /* the client of a handshake speaks first */
}

void greeting_from_server(struct link *link)
{
	if (link->phase == CONNECTING)
		server_connected(link);
	else if (link->phase == ASK_TLS)
		server_tls_answer(link);
	else
		server_tls_step(link);
}

bool greeting_again_with_tls(struct link *link)
{
	int ret;

	if (!link->session || !session_rejection(link->session) || link->server_tls)
		return false;
	str_add_len(&link->rejection, session_rejection(link->session)->text,
	            session_rejection(link->session)->len);
	link->server_tls = true;
	link_open_session(link);
	link_set_deadline(link, RELAY_STARTUP_MS);
	ret = connect_server(link);
	if (ret)
		server_unreachable(link, ret);
	return true;
}
