/* SPDX-License-Identifier: MIT */
/*
 * IPv4 TCP: bind, listen, connect, accept, and all four names show the port that the program chose.
 * Bug 3: getsockname shows the real port (mirrord#1047, sandlock#48).
 */
#include "t.h"

enum { PORT = 4000 };

int main(void)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server = FD(socket(AF_INET, SOCK_STREAM, 0)), client, served;

	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(server, "127.0.0.1", PORT));
	IS("127.0.0.1:4000", name_of(server));
	WANT(0, listen(server, 5));
	IS("127.0.0.1:4000", name_of(server));
	client = FD(socket(AF_INET, SOCK_STREAM, 0));
	WANT(0, connect_to(client, "127.0.0.1", PORT));
	IS("127.0.0.1:4000", peer_of(client));
	served = FD(accept(server, &from.sa, &from.len));
	EQ(sizeof(from.in), from.len);
	IS("127.0.0.1:4000", name_of(served));
	EQ(port_in(&from) == port_in((struct addr[]){ name_addr(client) }), 1);
	EQ(strcmp(show(&from), peer_of(served)), 0);
	pass_byte(client, served, 'x');
	pass_byte(served, client, 'y');
	return 0;
}
