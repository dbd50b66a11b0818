/* SPDX-License-Identifier: MIT */
/*
 * Non-blocking connect: EINPROGRESS, poll, SO_ERROR; to a listener and to a port that refuses; the
 * name is known before the end.
 */
#include "t.h"

enum { PORT = 4620 };

static int so_error(int fd)
{
	int error = -1;
	socklen_t len = sizeof(error);

	MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len));
	return error;
}

static int finish(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	if (MUST(poll(&p, 1, 5000)) != 1)
		FAIL("poll: timed out");
	return so_error(fd);
}

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT)), served;
	int client = FD(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));

	FAILS(EINPROGRESS, connect_to(client, "127.0.0.1", PORT));
	EQ(0, finish(client));
	WANT(0, connect_to(client, "127.0.0.1", PORT));
	FAILS(EISCONN, connect_to(client, "127.0.0.1", PORT));
	IS("127.0.0.1:4620", peer_of(client));
	EQ(O_NONBLOCK, fcntl(client, F_GETFL) & O_NONBLOCK);
	served = FD(accept(server, NULL, NULL));
	FAILS(EAGAIN, read(client, &(char){ 0 }, 1));
	MUST(write(served, "n", 1));
	EQ(1, poll(&(struct pollfd){ client, POLLIN, 0 }, 1, 5000));
	WANT(1, read(client, &(char){ 0 }, 1));

	client = FD(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	FAILS(EINPROGRESS, connect_to(client, "127.0.0.1", PORT + 1));
	IS("ECONNREFUSED", err_name(finish(client)));
	FAILS(ENOTCONN, getpeername(client, &(struct sockaddr){ 0 }, &(socklen_t){ 16 }));
	MUST(fcntl(server, F_SETFL, O_NONBLOCK));
	FAILS(EAGAIN, accept(server, NULL, NULL));
	return 0;
}
