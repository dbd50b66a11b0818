/* SPDX-License-Identifier: MIT */
/*
 * listen without bind: the kernel chooses a port on 0.0.0.0, and a client reaches it by the port
 * that getsockname tells.
 */
#include "t.h"

int main(void)
{
	int server = FD(socket(AF_INET, SOCK_STREAM, 0)), client, served;
	struct addr there;

	IS("0.0.0.0:0", name_of(server));
	WANT(0, listen(server, 5));
	there = name_addr(server);
	EQ(1, port_in(&there) > 0);
	EQ(INADDR_ANY, there.in.sin_addr.s_addr);
	client = FD(client_of("127.0.0.1", port_in(&there)));
	EQ(1, port_in(&there) == port_in((struct addr[]){ peer_addr(client) }));
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'i');
	return 0;
}
