/* SPDX-License-Identifier: MIT */
/*
 * Unconnected UDP: the request comes from the client's port, the reply from the server's. Bug 4: a
 * UDP reply seems to come from the wrong port (mirrord#1458, graftcp#90, cilium#7925).
 */
#include "t.h"

enum { PORT = 4080 };

int main(void)
{
	struct addr to = addr("127.0.0.1", PORT), from = { .len = sizeof(from.ss) };
	int server = FD(socket(AF_INET, SOCK_DGRAM, 0)),
	    client = FD(socket(AF_INET, SOCK_DGRAM, 0));
	static char huge[70000];
	struct iovec pieces[2] = { { huge, sizeof(huge) / 2 }, { huge, sizeof(huge) / 2 } };
	struct msghdr m = {
		.msg_name = &to.sa, .msg_namelen = sizeof(to.in), .msg_iov = pieces, .msg_iovlen = 2
	};
	char text[16];

	WANT(0, bind_to(server, "127.0.0.1", PORT));
	IS("127.0.0.1:4080", name_of(server));
	WANT(4, sendto(client, "ping", 4, 0, &to.sa, to.len));
	WANT(4, recvfrom(server, text, sizeof(text), 0, &from.sa, &from.len));
	EQ(1, port_in(&from) == port_in((struct addr[]){ name_addr(client) }));
	WANT(4, sendto(server, "pong", 4, 0, &from.sa, from.len));
	from = (struct addr){ .len = sizeof(from.ss) };
	WANT(4, recvfrom(client, text, sizeof(text), 0, &from.sa, &from.len));
	IS("127.0.0.1:4080", show(&from));

	/* two sockets with ports of their own */
	close(client);
	client = FD(udp_on("127.0.0.1", PORT + 1));
	WANT(4, sendto(client, "ping", 4, 0, &to.sa, to.len));
	from = (struct addr){ .len = sizeof(from.ss) };
	WANT(4, recvfrom(server, text, sizeof(text), 0, &from.sa, &from.len));
	IS("127.0.0.1:4081", show(&from));
	WANT(4, sendto(server, "pong", 4, 0, &from.sa, from.len));
	WANT(4, recvfrom(client, text, sizeof(text), 0, NULL, NULL));

	/* a wildcard server answers from the address that was asked */
	server = FD(udp_on("0.0.0.0", PORT + 2));
	to = addr("127.0.0.1", PORT + 2);
	WANT(4, sendto(client, "ping", 4, 0, &to.sa, to.len));
	from = (struct addr){ .len = sizeof(from.ss) };
	WANT(4, recvfrom(server, text, sizeof(text), 0, &from.sa, &from.len));
	IS("127.0.0.1:4081", show(&from));
	WANT(4, sendto(server, "pong", 4, 0, &from.sa, from.len));
	WANT(4, recvfrom(client, text, sizeof(text), 0, &from.sa, &from.len));
	IS("127.0.0.1:4082", show(&from));
	/* more than a datagram holds */
	FAILS(EMSGSIZE, sendto(client, huge, sizeof(huge), 0, &to.sa, to.len));
	FAILS(EMSGSIZE, sendmsg(client, &m, 0));
	return 0;
}
