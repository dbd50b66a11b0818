/* SPDX-License-Identifier: MIT */
/*
 * What most programs do: getaddrinfo for "localhost" and a port as text, each answer tried in turn;
 * getnameinfo for the way back.
 */
#include "t.h"
#include <netdb.h>

enum { PORT = 4830 };

int main(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *all;
	int server = FD(listen_on("0.0.0.0", PORT)), client = -1, served;
	struct addr peer;
	char host[64], port[16];

	EQ(0, getaddrinfo("localhost", "4830", &hints, &all));
	for (struct addrinfo *i = all; i && client < 0; i = i->ai_next) {
		client = (int)MUST(socket(i->ai_family, i->ai_socktype, i->ai_protocol));
		if (!connect(client, i->ai_addr, i->ai_addrlen))
			break;
		EQ(ECONNREFUSED, errno);
		close(client);
		client = -1;
	}
	freeaddrinfo(all);
	MUST(client);
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'n');
	peer = peer_addr(client);
	EQ(0, getnameinfo(&peer.sa, peer.len, host, sizeof(host), port, sizeof(port),
	                  NI_NUMERICHOST | NI_NUMERICSERV));
	IS("127.0.0.1", host);
	IS("4830", port);
	return 0;
}
