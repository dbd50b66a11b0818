/* SPDX-License-Identifier: MIT */
/*
 * Connected UDP: send and recv without names, peer's name, datagrams of strangers kept out,
 * connecting elsewhere.
 */
#include "t.h"

enum { PORT = 4090 };

int main(void)
{
	struct addr from = { .len = sizeof(from.ss) }, client_addr;
	int server = FD(udp_on("127.0.0.1", PORT)), other = FD(udp_on("127.0.0.1", PORT + 1));
	int client = FD(socket(AF_INET, SOCK_DGRAM, 0));
	char text[16];

	WANT(0, connect_to(client, "127.0.0.1", PORT));
	IS("127.0.0.1:4090", peer_of(client));
	WANT(2, send(client, "hi", 2, 0));
	WANT(2, recvfrom(server, text, sizeof(text), 0, &from.sa, &from.len));
	client_addr = name_addr(client);
	EQ(0, strcmp(show(&client_addr), show(&from)));
	WANT(3, sendto(other, "odd", 3, 0, &from.sa, from.len));
	WANT(2, sendto(server, "ok", 2, 0, &from.sa, from.len));
	from = (struct addr){ .len = sizeof(from.ss) };
	WANT(2, recvfrom(client, text, sizeof(text), 0, &from.sa, &from.len));
	IS("127.0.0.1:4090", show(&from));
	FAILS(EAGAIN, recv(client, text, sizeof(text), MSG_DONTWAIT));

	/* a name given to a connected socket goes there all the same */
	from = addr("127.0.0.1", PORT + 1);
	WANT(3, sendto(client, "two", 3, 0, &from.sa, from.len));
	WANT(3, recv(other, text, sizeof(text), 0));

	WANT(0, connect_to(client, "127.0.0.1", PORT + 1));
	IS("127.0.0.1:4091", peer_of(client));
	WANT(5, send(client, "three", 5, 0));
	WANT(5, recv(other, text, sizeof(text), 0));

	/* a server that binds and connects, both with fixed ports */
	client = FD(udp_on("127.0.0.1", PORT + 2));
	WANT(0, connect_to(client, "127.0.0.1", PORT));
	IS("127.0.0.1:4092", name_of(client));
	WANT(4, send(client, "four", 4, 0));
	from = (struct addr){ .len = sizeof(from.ss) };
	WANT(4, recvfrom(server, text, sizeof(text), 0, &from.sa, &from.len));
	IS("127.0.0.1:4092", show(&from));
	return 0;
}
