/* SPDX-License-Identifier: MIT */
/*
 * The sockets on which a relay listens, the address of its server, the number of its connections.
 */
#include "tools/db/proxy/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/db/proxy/connection.h"
#include "tools/db/proxy/wire.h"

static void on_pause_over(void *arg);
static void listen_events(struct relay *relay, bool on);

static void on_accept(void *arg, int fd, uint32_t events)
{
	struct relay *relay = arg;

	(void)events;
	for (int i = 0; i < 64; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client >= 0) {
			traffic_begin(relay, client);
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
	for (int i = 0; i < RELAY_LISTENERS; i++) {
		if (relay->listeners[i] < 0)
			continue;
		if (on)
			(void)loop_add(relay->setup.loop, relay->listeners[i], EPOLLIN, on_accept,
			               relay);
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
	cleanup_close int fd = socket(address->sa_family,
	                              SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int one = 1, ret;

	if (fd < 0)
		return -errno;
	if (address->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	mask = umask(0); /* a client may have changed its user */
	ret = bind(fd, address, len) ? -errno : 0;
	umask(mask);
	if (ret || listen(fd, 4096))
		return ret ? ret : -errno;
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int listen_all(struct relay *relay)
{
	const struct relay_setup *setup = &relay->setup;
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		                  .sin_port = htons(setup->port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		                   .sin6_port = htons(setup->port),
		                   .sin6_addr = in6addr_loopback };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	int ret = listen_at((struct sockaddr *)&v4, sizeof(v4), &relay->listeners[0]);

	/* a machine without IPv6 is fine; a port that another process has there is an error */
	if (!ret)
		ret = listen_at((struct sockaddr *)&v6, sizeof(v6), &relay->listeners[1]);
	if (ret == -EADDRNOTAVAIL || ret == -EAFNOSUPPORT)
		ret = 0;
	if (ret || !setup->socket_path)
		return ret;
	if (strlen(setup->socket_path) >= sizeof(local.sun_path))
		return -ENAMETOOLONG;
	strcpy(local.sun_path, setup->socket_path);
	(void)unlink(setup->socket_path);
	return listen_at((struct sockaddr *)&local, sizeof(local), &relay->listeners[2]);
}

/* Return: true also if the server does not answer. */
static bool server_offers_tls(int fd)
{
	struct timeval timeout = { .tv_sec = 1 };
	char request[8], answer = 0;

	wire_put32(request, sizeof(request));
	wire_put32(request + 4, WIRE_SSL);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request) ||
	       recv(fd, &answer, 1, 0) != 1 || answer != 'N';
}

/*
 * Find the address of the server and whether it offers TLS. A server at a socket directory is asked
 * for TLS at its TCP port on localhost.
 */
static int find_server(struct relay *relay)
{
	const struct relay_setup *setup = &relay->setup;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found;
	cleanup_free char *port = str_print("%u", setup->server_port);
	bool local = *setup->host == '/';

	if (local) {
		struct sockaddr_un *path = (struct sockaddr_un *)&relay->server;
		int len = snprintf(path->sun_path, sizeof(path->sun_path), "%s/.s.PGSQL.%u",
		                   setup->host, setup->server_port);

		path->sun_family = AF_UNIX;
		relay->server_len = sizeof(*path);
		if (len >= (int)sizeof(path->sun_path))
			return -ENAMETOOLONG;
	}
	if (getaddrinfo(local ? "localhost" : setup->host, port, &hints, &found))
		return local ? 0 : -ENOENT;
	/* localhost may be two addresses; take the one where a server listens */
	for (struct addrinfo *one = found; one; one = one->ai_next) {
		cleanup_close int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (!local) {
			memcpy(&relay->server, one->ai_addr, one->ai_addrlen);
			relay->server_len = one->ai_addrlen;
		}
		if (fd < 0 || connect(fd, one->ai_addr, one->ai_addrlen))
			continue;
		relay->offer_tls = setup->offer_tls || server_offers_tls(fd);
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

	*relay = (struct relay){ .setup = *setup, .listeners = { -1, -1, -1 }, .offer_tls = true };
	relay->buffer = mem_alloc(RELAY_READ_BYTES);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
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
	while (relay->connections)
		connection_close(relay->connections);
	for (int i = 0; i < RELAY_LISTENERS; i++)
		if (relay->listeners[i] >= 0)
			close(relay->listeners[i]);
	if (relay->setup.socket_path)
		(void)unlink(relay->setup.socket_path);
	tls_close(relay->tls);
	free(relay->buffer);
	free(relay);
}

/* Return: since when the session is idle in a transaction, by clock_ms(); 0 if it is not. */
static int64_t idle_since_ms(const struct connection *conn)
{
	return connection_is_idle_in_transaction(conn) ? session_since_ms(conn->session) : 0;
}

unsigned int relay_end_idle(struct relay *relay, int64_t max_ms)
{
	unsigned int count = 0;

	for (struct connection *conn = relay->connections, *next; conn; conn = next) {
		int64_t since_ms = idle_since_ms(conn);

		next = conn->next;
		if (conn->phase != PHASE_LIVE || !since_ms || clock_ms() - since_ms < max_ms)
			continue;
		traffic_end(conn, "25P03",
		            "terminating connection due to idle-in-transaction timeout");
		count++;
	}
	return count;
}

unsigned int relay_count_idle(const struct relay *relay, int64_t *ret_since_ms)
{
	unsigned int count = 0;

	for (const struct connection *conn = relay->connections; conn; conn = conn->next) {
		int64_t since_ms = idle_since_ms(conn);

		count += since_ms != 0;
		if (since_ms && (!*ret_since_ms || since_ms < *ret_since_ms))
			*ret_since_ms = since_ms;
	}
	return count;
}

unsigned int relay_max_open(const struct relay *relay)
{
	return relay->max_open;
}
