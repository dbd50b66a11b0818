/* SPDX-License-Identifier: MIT */
/*
 * connect with AF_UNSPEC dissolves the association, for UDP and TCP; afterwards the socket connects
 * elsewhere.
 */
#include "t.h"

enum { PORT = 4490 };

int main(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int one = FD(udp_on("127.0.0.1", PORT)), two = FD(udp_on("127.0.0.1", PORT + 1));
	int client = FD(socket(AF_INET, SOCK_DGRAM, 0)), server, other, served;
	struct addr from = { .len = sizeof(from.ss) };

	WANT(0, connect_to(client, "127.0.0.1", PORT));
	WANT(1, send(client, "a", 1, 0));
	WANT(1, recv(one, &(char){ 0 }, 1, 0));
	WANT(0, connect(client, &none, sizeof(none)));
	FAILS(ENOTCONN, getpeername(client, &from.sa, &from.len));
	FAILS(EDESTADDRREQ, send(client, "b", 1, 0));
	WANT(0, connect_to(client, "127.0.0.1", PORT + 1));
	IS("127.0.0.1:4491", peer_of(client));
	WANT(1, send(client, "c", 1, 0));
	WANT(1, recv(two, &(char){ 0 }, 1, 0));
	WANT(0, connect(client, &none, sizeof(none.sa_family)));
	FAILS(EINVAL, connect(client, &none, 1));

	server = FD(listen_on("127.0.0.1", PORT));
	other = FD(listen_on("127.0.0.1", PORT + 1));
	client = FD(client_of("127.0.0.1", PORT));
	FAILS(EISCONN, connect_to(client, "127.0.0.1", PORT + 1));
	WANT(0, connect(client, &none, sizeof(none)));
	WANT(0, connect_to(client, "127.0.0.1", PORT + 1));
	IS("127.0.0.1:4491", peer_of(client));
	served = FD(accept(other, NULL, NULL));
	pass_byte(client, served, 'u');
	/* AF_UNSPEC on a listener stops it */
	WANT(0, connect(server, &none, sizeof(none)));
	FAILS(ECONNREFUSED, client_of("127.0.0.1", PORT));
	return 0;
}
