/* SPDX-License-Identifier: MIT */
/*
 * One connection of a client, one connection to the server, opened when the start-up packet is known and closed when either
 * side closes: the server's own view of who is connected stays true, and DROP DATABASE finds no sessions of a pool.
 *
 *	STARTUP -> [CLIENT_TLS -> STARTUP] -> CONNECTING -> [ASK_TLS -> SERVER_TLS] -> LIVE -> DRAIN or FLUSH
 *
 * DRAIN: the client has gone, what it sent last is still on its way to the server. FLUSH: the other way round.
 *
 * SSLRequest is answered N, which every client with sslmode=prefer takes, and which saves it the 7 ms of a handshake on a
 * loopback. A client that insists hangs up at once; from then on (or from the first, if the URL says so) the answer is S.
 * GSSENCRequest is answered N. Whatever was sent ahead of an answer is refused, as PostgreSQL does (CVE-2021-23222).
 * Passwords pass through: neither MD5 nor SCRAM covers the database name. Keys for cancelling pass through too, so a
 * CancelRequest needs no table: it goes to the server as it is.
 *
 * Back-pressure: a side is read only while less than BACKLOG bytes wait for the other.
 */
#include "tools/pg/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/pg/session.h"
#include "tools/pg/tls.h"
#include "tools/pg/wire.h"

enum { BACKLOG = 256 << 10, ABANDONED_MS = 1000, STARTUP_MS = 60000, FLUSH_MS = 5000, LISTENERS = 3, READ_BYTES = 64 << 10 };

enum phase { STARTUP, CLIENT_TLS, CONNECTING, ASK_TLS, SERVER_TLS, LIVE, DRAIN, FLUSH };

struct end {
	struct tls_channel channel;
	struct str out;		/* what could not be written yet: from out_at on */
	size_t out_at;
	uint32_t events;	/* as the loop knows them */
};

struct link {
	struct link *next, **at;
	struct relay *relay;
	struct end client, server;
	enum phase phase;
	struct str in;		/* of the client, before the session */
	struct str packet;	/* what the server gets first: start-up or cancel */
	struct session *session;
	struct loop_timer *deadline;
	bool asked_tls, asked_gss, was_refused_tls; /* the client did; it was told N */
	bool cancels, server_tls, dead;
	bool terminated;	/* the last that the client said was Terminate */
};

struct relay {
	struct relay_setup setup;
	struct sockaddr_storage server;
	socklen_t server_len;
	struct tls *tls;
	struct link *links;
	struct loop_timer *pause;
	char *buffer;
	uint64_t accepted, refused_statements, failed_connects;
	int listeners[LISTENERS];
	bool offer_tls;
};

static void on_event(void *arg, int fd, uint32_t events);

/* --- ends --- */

static size_t waiting(const struct end *end)
{
	return end->out.len - end->out_at;
}

static void end_close(struct relay *relay, struct end *end)
{
	tls_end(&end->channel);
	if (end->channel.fd >= 0) {
		loop_remove(relay->setup.loop, end->channel.fd);
		close(end->channel.fd);
	}
	end->channel.fd = -1;
	end->events = 0;
	str_free(&end->out);
	end->out_at = 0;
}

static void end_want(struct link *link, struct end *end, uint32_t events)
{
	struct loop *loop = link->relay->setup.loop;

	if (end->channel.fd < 0 || events == end->events)
		return;
	if (!end->events)
		(void)loop_add(loop, end->channel.fd, events, on_event, link);
	else
		(void)loop_change(loop, end->channel.fd, events);
	end->events = events;
}

static void link_close(struct link *link)
{
	struct relay *relay = link->relay;

	if (link->was_refused_tls && !link->session)
		relay->offer_tls = true; /* it insists */
	if (link->session)
		relay->refused_statements += session_refused(link->session);
	loop_cancel(relay->setup.loop, link->deadline);
	end_close(relay, &link->client);
	end_close(relay, &link->server);
	session_free(link->session);
	str_free(&link->in);
	str_free(&link->packet);
	*link->at = link->next;
	if (link->next)
		link->next->at = link->at;
	free(link);
}

static void on_deadline(void *arg)
{
	struct link *link = arg;

	link->deadline = NULL;
	link_close(link);
}

static void set_deadline(struct link *link, int64_t ms)
{
	loop_cancel(link->relay->setup.loop, link->deadline);
	link->deadline = ms ? loop_after(link->relay->setup.loop, ms, on_deadline, link) : NULL;
}

/* Write what waits. Return: false if the peer is gone. */
static bool end_flush(struct end *end)
{
	while (waiting(end)) {
		ssize_t put = tls_write(&end->channel, end->out.text + end->out_at, waiting(end));

		if (put == -EINTR)
			continue;
		if (put <= 0)
			return put == -EAGAIN;
		end->out_at += (size_t)put;
	}
	end->out.len = end->out_at = 0;
	if (end->out.room > BACKLOG * 2)
		str_free(&end->out);
	return true;
}

static void end_send(struct link *link, struct end *end, const char *data, size_t len)
{
	while (len && !waiting(end) && end->channel.fd >= 0 && !(end == &link->server && link->phase != LIVE)) {
		ssize_t put = tls_write(&end->channel, data, len);

		if (put == -EINTR)
			continue;
		if (put <= 0) {
			link->dead |= put != -EAGAIN;
			break;
		}
		data += put;
		len -= (size_t)put;
	}
	if (len && !link->dead)
		str_add_len(&end->out, data, len);
}

static void on_session_emit(void *arg, bool to_server, const char *data, size_t len)
{
	struct link *link = arg;

	end_send(link, to_server ? &link->server : &link->client, data, len);
}

/* --- the client's start --- */

static void refuse_client(struct link *link, const char *sqlstate, const char *message, const char *hint)
{
	struct str error = { 0 };

	wire_error(&error, "FATAL", sqlstate, message, hint);
	end_send(link, &link->client, error.text, error.len);
	str_free(&error);
	link->phase = FLUSH;
	end_close(link->relay, &link->server);
	set_deadline(link, FLUSH_MS);
}

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
	if (connect(fd, (struct sockaddr *)&relay->server, relay->server_len) && errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void server_unreachable(struct link *link, int error)
{
	cleanup_free char *words = str_print("the database server cannot be reached: %s", strerror(-error));

	link->relay->failed_connects++;
	refuse_client(link, "57P03", words, NULL);
}

static void begin_session(struct link *link, const char *packet, size_t len)
{
	struct names *names = link->relay->setup.names;
	cleanup_str struct str physical = { 0 };
	const char *database = NULL;
	int ret;

	switch (wire_startup(packet, len, &database)) {
	case WIRE_STARTUP_BAD:
		refuse_client(link, "08P01", "invalid startup packet layout", NULL);
		return;
	case WIRE_STARTUP_OLD:
		refuse_client(link, "0A000", "unsupported frontend protocol", NULL);
		return;
	case WIRE_STARTUP_LOGICAL_REPLICATION:
		refuse_client(link, "0A000", "logical replication is not possible through Berth's relay",
			      "The server is shared: run with --db-mode private for a server of your own.");
		return;
	case WIRE_STARTUP_PHYSICAL:
		str_add_len(&link->packet, packet, len);
		break;
	case WIRE_STARTUP_SESSION:
		names_learn(names, database, strlen(database));
		names_physical(names, database, strlen(database), &physical);
		wire_startup_rename(packet, len, physical.text, &link->packet);
		break;
	}
	link->session = session_open(names, false, on_session_emit, link);
	ret = connect_server(link);
	if (ret)
		server_unreachable(link, ret);
}

static void answer_tls(struct link *link)
{
	bool yes = link->relay->offer_tls && link->relay->tls;

	if (link->in.len || link->asked_tls) {
		refuse_client(link, "08P01", "received unencrypted data after SSL request", NULL);
		return;
	}
	link->asked_tls = true;
	link->was_refused_tls = !yes;
	end_send(link, &link->client, yes ? "S" : "N", 1);
	if (yes && !tls_begin(link->relay->tls, &link->client.channel, true))
		link->phase = CLIENT_TLS;
}

static void answer_gss(struct link *link)
{
	if (link->in.len || link->asked_gss) {
		refuse_client(link, "08P01", "received unencrypted data after GSSAPI encryption request", NULL);
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

/* A whole packet of the start is there. */
static void startup_packet(struct link *link, size_t len)
{
	cleanup_free char *packet = str_take(&link->in);
	size_t all = len;
	uint32_t code = wire_get32(packet + 4);

	if (code == WIRE_SSL && len == 8)
		answer_tls(link);
	else if (code == WIRE_GSSENC && len == 8)
		answer_gss(link);
	else if (code == WIRE_CANCEL && len >= 16)
		pass_cancel(link, packet, all);
	else
		begin_session(link, packet, len);
}

static void startup_input(struct link *link)
{
	while (link->phase == STARTUP && link->in.len >= 8) {
		uint32_t len = wire_get32(link->in.text);
		struct str rest = { 0 };

		if (*link->in.text == 0x16 && !link->client.channel.ssl) {
			refuse_client(link, "08P01", "unexpected TLS handshake", NULL);
			return;
		}
		if (len < 8 || len > WIRE_STARTUP_MOST) {
			refuse_client(link, "08P01", "invalid length of startup packet", NULL);
			return;
		}
		if (link->in.len < len)
			return;
		str_add_len(&rest, link->in.text + len, link->in.len - len);
		if (rest.len && (wire_get32(link->in.text + 4) == WIRE_SSL || wire_get32(link->in.text + 4) == WIRE_GSSENC)) {
			str_free(&rest);
			refuse_client(link, "08P01", "received unencrypted data after SSL request", NULL);
			return;
		}
		startup_packet(link, len);
		str_free(&link->in);
		link->in = rest; /* sent ahead: kept until the server is there */
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
	set_deadline(link, 0);
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
		refuse_client(link, "08006", "the TLS handshake with the database server failed", NULL);
}

static void server_tls_answer(struct link *link)
{
	char answer = 0;
	ssize_t got = tls_read(&link->server.channel, &answer, 1);

	if (got == -EAGAIN)
		return;
	if (got != 1 || answer != 'S' || !link->relay->tls ||
	    tls_begin(link->relay->tls, &link->server.channel, false)) {
		refuse_client(link, "08006", "the database server insists on TLS and then refuses it", NULL);
		return;
	}
	link->phase = SERVER_TLS;
	server_tls_step(link); /* the client of a handshake speaks first */
}

/* The server has closed. If it did because it wants TLS, begin again with it. */
static void server_closed(struct link *link)
{
	struct relay *relay = link->relay;
	int ret;

	if (link->phase == DRAIN) {
		link->dead = true;
		return;
	}
	if (link->session && session_wants_tls(link->session) && !link->server_tls) {
		end_close(relay, &link->server);
		session_free(link->session);
		link->session = session_open(relay->setup.names, true, on_session_emit, link);
		link->server_tls = true;
		set_deadline(link, STARTUP_MS);
		ret = connect_server(link);
		if (ret)
			server_unreachable(link, ret);
		return;
	}
	end_close(relay, &link->server);
	link->phase = FLUSH;
	set_deadline(link, FLUSH_MS);
}

/* --- traffic --- */

static bool is_idle_in_transaction(const struct link *link)
{
	return link->session && (session_status(link->session) == 'T' || session_status(link->session) == 'E');
}

/* A process that ends between two statements in quick succession was interrupted: that is no session that was left. */
static void client_gone(struct link *link)
{
	const struct relay_setup *setup = &link->relay->setup;
	int64_t idle_ms;

	if (link->phase != LIVE || link->terminated || !is_idle_in_transaction(link) || !setup->on_abandoned)
		return;
	idle_ms = clock_ms() - session_since_ms(link->session);
	if (idle_ms >= ABANDONED_MS)
		setup->on_abandoned(setup->arg, idle_ms);
}

static void read_client(struct link *link)
{
	struct relay *relay = link->relay;
	ssize_t got = tls_read(&link->client.channel, relay->buffer, READ_BYTES);

	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got <= 0) {
		client_gone(link);
		link->dead = link->phase != LIVE || !waiting(&link->server);
		link->phase = DRAIN;
		end_close(relay, &link->client);
		set_deadline(link, STARTUP_MS);
		return;
	}
	if (link->phase == LIVE && link->session) {
		link->terminated = got >= 5 && !memcmp(relay->buffer + got - 5, "X\0\0\0\4", 5);
		link->dead |= session_from_client(link->session, relay->buffer, (size_t)got) < 0;
		return;
	}
	if (link->in.len + (size_t)got > BACKLOG) {
		link->dead = true;
		return;
	}
	str_add_len(&link->in, relay->buffer, (size_t)got);
	startup_input(link);
}

static void read_server(struct link *link)
{
	ssize_t got = tls_read(&link->server.channel, link->relay->buffer, READ_BYTES);

	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got <= 0)
		server_closed(link);
	else if (link->session && link->phase != DRAIN)
		link->dead |= session_from_server(link->session, link->relay->buffer, (size_t)got) < 0;
}

static void client_tls_step(struct link *link)
{
	int ret = tls_handshake(&link->client.channel);

	if (!ret)
		link->phase = STARTUP;
	else if (ret != -EAGAIN)
		link->dead = true;
}

/* Direct TLS: the first byte is that of a TLS record. It must stay where OpenSSL will find it. */
static bool begins_tls(struct link *link)
{
	char first;

	return link->phase == STARTUP && !link->client.channel.ssl && !link->in.len && !link->asked_tls && !link->asked_gss &&
	       link->relay->tls && recv(link->client.channel.fd, &first, 1, MSG_PEEK) == 1 && first == 0x16 &&
	       !tls_begin(link->relay->tls, &link->client.channel, true);
}

static void client_event(struct link *link, uint32_t events)
{
	if (events & EPOLLOUT && link->phase != CLIENT_TLS)
		link->dead |= !end_flush(&link->client);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && link->phase != CLIENT_TLS)
		return;
	if (begins_tls(link))
		link->phase = CLIENT_TLS;
	if (link->phase == CLIENT_TLS)
		client_tls_step(link);
	else if (link->phase == FLUSH)
		link->dead |= (events & (EPOLLHUP | EPOLLERR)) != 0;
	else if (waiting(&link->server) < BACKLOG || events & (EPOLLHUP | EPOLLERR))
		read_client(link);
	/* OpenSSL may hold more than the kernel will tell us of */
	while (!link->dead && link->client.channel.ssl && link->phase == LIVE && waiting(&link->server) < BACKLOG) {
		ssize_t got = tls_read(&link->client.channel, link->relay->buffer, READ_BYTES);

		if (got <= 0) {
			link->dead = got != -EAGAIN;
			break;
		}
		link->dead |= session_from_client(link->session, link->relay->buffer, (size_t)got) < 0;
	}
}

static void server_event(struct link *link, uint32_t events)
{
	if (link->phase == CONNECTING) {
		server_connected(link);
	} else if (link->phase == ASK_TLS) {
		server_tls_answer(link);
	} else if (link->phase == SERVER_TLS) {
		server_tls_step(link);
	} else {
		if (events & EPOLLOUT)
			link->dead |= !end_flush(&link->server);
		if (!link->dead && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			read_server(link);
	}
}

static uint32_t client_events(const struct link *link)
{
	const struct end *client = &link->client;
	bool reads = link->phase == STARTUP || link->phase == CLIENT_TLS ||
		     (link->phase == LIVE && waiting(&link->server) < BACKLOG);

	return (reads ? EPOLLIN : 0u) | (waiting(client) || client->channel.wants_write ? EPOLLOUT : 0u) | EPOLLPRI;
}

static uint32_t server_events(const struct link *link)
{
	const struct end *server = &link->server;

	if (link->phase == CONNECTING)
		return EPOLLOUT;
	return (waiting(&link->client) < BACKLOG ? EPOLLIN : 0u) |
	       (waiting(server) || server->channel.wants_write ? EPOLLOUT : 0u) | EPOLLPRI;
}

/* After every step: what to wait for now, or the end. */
static void settle(struct link *link)
{
	if (link->dead || (link->phase == FLUSH && !waiting(&link->client)) ||
	    (link->phase == DRAIN && !waiting(&link->server))) {
		link_close(link);
		return;
	}
	end_want(link, &link->client, client_events(link));
	end_want(link, &link->server, server_events(link));
}

static void on_event(void *arg, int fd, uint32_t events)
{
	struct link *link = arg;

	if (fd == link->client.channel.fd)
		client_event(link, events);
	else
		server_event(link, events);
	settle(link);
}

/* --- listening --- */

static void on_pause_over(void *arg);

static void listen_events(struct relay *relay, bool on);

static void accepted(struct relay *relay, int fd)
{
	struct link *link = mem_alloc(sizeof(*link));
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*link = (struct link){ .relay = relay, .next = relay->links, .at = &relay->links };
	link->client.channel.fd = fd;
	link->server.channel.fd = -1;
	if (link->next)
		link->next->at = &link->next;
	relay->links = link;
	relay->accepted++;
	set_deadline(link, STARTUP_MS);
	settle(link);
}

static void on_accept(void *arg, int fd, uint32_t events)
{
	struct relay *relay = arg;

	(void)events;
	for (int i = 0; i < 64; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client >= 0) {
			accepted(relay, client);
			continue;
		}
		if ((errno == EMFILE || errno == ENFILE || errno == ENOMEM) && !relay->pause) {
			listen_events(relay, false);
			relay->pause = loop_after(relay->setup.loop, 100, on_pause_over, relay);
		}
		return;
	}
}

static void listen_events(struct relay *relay, bool on)
{
	for (int i = 0; i < LISTENERS; i++) {
		if (relay->listeners[i] < 0)
			continue;
		if (on)
			(void)loop_add(relay->setup.loop, relay->listeners[i], EPOLLIN, on_accept, relay);
		else
			loop_remove(relay->setup.loop, relay->listeners[i]);
	}
}

static void on_pause_over(void *arg)
{
	struct relay *relay = arg;

	relay->pause = NULL;
	listen_events(relay, true);
}

static int listen_at(const struct sockaddr *address, socklen_t len, int *ret_fd)
{
	cleanup_close int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	if (address->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, address, len) || listen(fd, 4096))
		return -errno;
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int listen_all(struct relay *relay)
{
	const struct relay_setup *setup = &relay->setup;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(setup->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(setup->port), .sin6_addr = in6addr_loopback };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	int ret = listen_at((struct sockaddr *)&v4, sizeof(v4), &relay->listeners[0]);

	if (!ret) /* a machine without IPv6 is fine, a port that is somebody else's there is not */
		ret = listen_at((struct sockaddr *)&v6, sizeof(v6), &relay->listeners[1]);
	if (ret == -EADDRNOTAVAIL || ret == -EAFNOSUPPORT)
		ret = 0;
	if (ret || !setup->socket_path)
		return ret;
	if (strlen(setup->socket_path) >= sizeof(local.sun_path))
		return -ENAMETOOLONG;
	strcpy(local.sun_path, setup->socket_path);
	(void)unlink(setup->socket_path);
	ret = listen_at((struct sockaddr *)&local, sizeof(local), &relay->listeners[2]);
	return ret || chmod(setup->socket_path, 0777) ? (ret ? ret : -errno) : 0;
}

static int find_server(struct relay *relay)
{
	const struct relay_setup *setup = &relay->setup;
	struct addrinfo wanted = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found;
	cleanup_free char *port = str_print("%u", setup->server_port);

	if (*setup->host == '/') {
		struct sockaddr_un *local = (struct sockaddr_un *)&relay->server;
		int len = snprintf(local->sun_path, sizeof(local->sun_path), "%s/.s.PGSQL.%u", setup->host, setup->server_port);

		local->sun_family = AF_UNIX;
		relay->server_len = sizeof(*local);
		return len < (int)sizeof(local->sun_path) ? 0 : -ENAMETOOLONG;
	}
	if (getaddrinfo(setup->host, port, &wanted, &found))
		return -ENOENT;
	for (struct addrinfo *one = found; one; one = one->ai_next) { /* localhost: the one of both that is served */
		cleanup_close int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		memcpy(&relay->server, one->ai_addr, one->ai_addrlen);
		relay->server_len = one->ai_addrlen;
		if (fd >= 0 && !connect(fd, one->ai_addr, one->ai_addrlen))
			break;
	}
	freeaddrinfo(found);
	return 0;
}

int relay_open(const struct relay_setup *setup, struct relay **ret_relay)
{
	struct relay *relay = mem_alloc(sizeof(*relay));
	struct rlimit files;
	int ret;

	*relay = (struct relay){ .setup = *setup, .listeners = { -1, -1, -1 }, .offer_tls = setup->offer_tls };
	relay->buffer = mem_alloc(READ_BYTES);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)tls_open(&relay->tls); /* without it every SSLRequest is answered N */
	ret = find_server(relay);
	ret = ret ? ret : listen_all(relay);
	if (ret) {
		relay_close(relay);
		return ret;
	}
	listen_events(relay, true);
	*ret_relay = relay;
	return 0;
}

void relay_close(struct relay *relay)
{
	if (!relay)
		return;
	listen_events(relay, false);
	loop_cancel(relay->setup.loop, relay->pause);
	while (relay->links)
		link_close(relay->links);
	for (int i = 0; i < LISTENERS; i++)
		if (relay->listeners[i] >= 0)
			close(relay->listeners[i]);
	if (relay->setup.socket_path)
		(void)unlink(relay->setup.socket_path);
	tls_close(relay->tls);
	free(relay->buffer);
	free(relay);
}

void relay_count(const struct relay *relay, struct relay_counts *ret_counts)
{
	*ret_counts = (struct relay_counts){ .accepted = relay->accepted, .failed_connects = relay->failed_connects,
					     .refused_statements = relay->refused_statements };
	for (const struct link *link = relay->links; link; link = link->next) {
		bool idle = is_idle_in_transaction(link);
		int64_t since = idle ? session_since_ms(link->session) : 0;

		ret_counts->open++;
		ret_counts->idle_in_transaction += idle;
		ret_counts->refused_statements += link->session ? session_refused(link->session) : 0;
		if (idle && (!ret_counts->oldest_transaction_ms || since < ret_counts->oldest_transaction_ms))
			ret_counts->oldest_transaction_ms = since;
	}
}
