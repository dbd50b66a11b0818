/* SPDX-License-Identifier: MIT */
/* Tries connections to servers, with a deadline. */
#include "tools/db/common/answers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

/* A connection over loopback is there at once; 20 ms are for a machine that is very busy. */
enum { LOOPBACK_MS = 20, ELSEWHERE_MS = 2000 };

static int connect_within(const struct sockaddr *address, socklen_t len, int timeout_ms)
{
	cleanup_close int fd = socket(address->sa_family,
	                              SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t error_len = sizeof(error);

	if (fd < 0)
		return -1;
	if (!connect(fd, address, len))
		return steal_fd(&fd);
	if (errno != EINPROGRESS || poll(&wait, 1, timeout_ms) != 1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) || error)
		return -1;
	return steal_fd(&fd);
}

int db_port_connect(uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		                   .sin6_port = htons(port),
		                   .sin6_addr = in6addr_loopback };
	int fd = connect_within((struct sockaddr *)&v4, sizeof(v4), LOOPBACK_MS);

	return fd >= 0 ? fd : connect_within((struct sockaddr *)&v6, sizeof(v6), LOOPBACK_MS);
}

bool db_port_answers(uint16_t port)
{
	cleanup_close int fd = db_port_connect(port);

	return fd >= 0;
}

bool db_port_is_postgres(uint16_t port)
{
	/* SSLRequest; the answer is S, N, or an error */
	static const char request[8] = { 0, 0, 0, 8, 4, (char)210, 22, 47 };
	cleanup_close int fd = db_port_connect(port);
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char answer = 0;

	return fd >= 0 && send(fd, request, sizeof(request), MSG_NOSIGNAL) == sizeof(request) &&
	       poll(&wait, 1, ELSEWHERE_MS) == 1 && recv(fd, &answer, 1, MSG_DONTWAIT) == 1 &&
	       strchr("SNE", answer) && answer;
}

bool db_url_answers(const struct db_url *url)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found;
	uint16_t number;
	const char *host = db_url_server(url, &number);
	cleanup_free char *port = str_print("%u", number);
	bool answers = false;

	if (!url->server_host)
		return db_port_answers(url->port);
	if (getaddrinfo(host, port, &hints, &found))
		return false;
	for (struct addrinfo *one = found; one && !answers; one = one->ai_next) {
		cleanup_close int fd = connect_within(one->ai_addr, one->ai_addrlen, ELSEWHERE_MS);

		answers = fd >= 0;
	}
	freeaddrinfo(found);
	return answers;
}
