/* SPDX-License-Identifier: MIT */
/*
 * UDP to a port where no one listens: a connected socket gets ECONNREFUSED at the next call; an
 * unconnected one hears nothing.
 */
#include "t.h"

enum { PORT = 4170 };

int main(void)
{
	struct addr to = addr("127.0.0.1", PORT);
	int client = FD(socket(AF_INET, SOCK_DGRAM, 0)), server;
	struct pollfd p = { client, POLLIN, 0 };
	char text[16];

	WANT(0, connect_to(client, "127.0.0.1", PORT));
	WANT(1, send(client, "a", 1, 0));
	EQ(1, poll(&p, 1, 5000));
	FAILS(ECONNREFUSED, recv(client, text, sizeof(text), 0));
	/* the server comes: the same client, connected again as a resolver would, reaches it */
	server = FD(udp_on("127.0.0.1", PORT));
	WANT(0, connect_to(client, "127.0.0.1", PORT));
	WANT(1, send(client, "b", 1, 0));
	WANT(1, recv(server, text, sizeof(text), 0));
	WANT(0, close(server));
	WANT(1, send(client, "c", 1, 0));
	EQ(1, poll(&p, 1, 5000));
	FAILS(ECONNREFUSED, recvfrom(client, text, sizeof(text), 0, NULL, NULL));

	client = FD(socket(AF_INET, SOCK_DGRAM, 0));
	WANT(1, sendto(client, "d", 1, 0, &to.sa, to.len));
	WANT(1, sendto(client, "e", 1, 0, &to.sa, to.len));
	FAILS(EAGAIN, recv(client, text, sizeof(text), MSG_DONTWAIT));
	return 0;
}
