/* SPDX-License-Identifier: MIT */
/*
 * Ephemeral source ports: the client's own name, the server's peer and accept's answer agree, also
 * after bind to port 0 and with IP_BIND_ADDRESS_NO_PORT; an unconnected name is all zeroes.
 */
#include "t.h"

enum { PORT = 4390 };

static void agree(int server, int client)
{
	struct addr from = { .len = sizeof(from.ss) };
	int served;

	WANT(0, connect_to(client, "127.0.0.1", PORT));
	served = FD(accept(server, &from.sa, &from.len));
	EQ(1, port_in(&from) != 0 && port_in(&from) != PORT);
	EQ(0, strcmp(show(&from), name_of(client)));
	EQ(0, strcmp(show(&from), peer_of(served)));
	close(client);
	close(served);
}

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT)), client = FD(socket(AF_INET, SOCK_STREAM, 0));

	IS("0.0.0.0:0", name_of(client));
	FAILS(ENOTCONN, getpeername(client, &(struct sockaddr){ 0 }, &(socklen_t){ 16 }));
	agree(server, client);
	client = FD(socket(AF_INET, SOCK_STREAM, 0));
	WANT(0, bind_to(client, "127.0.0.1", 0));
	agree(server, client);
	client = FD(socket(AF_INET, SOCK_STREAM, 0));
	set_option(client, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	WANT(0, bind_to(client, "127.0.0.1", 0));
	IS("127.0.0.1:0", name_of(client));
	agree(server, client);
	return 0;
}
