/* SPDX-License-Identifier: MIT */
/*
 * bindresvport: with or without a name it finds a reserved port, writes it into the name, and the
 * socket is reached by it.
 */
#include "t.h"

int main(void)
{
	struct addr want = addr("127.0.0.1", 0), other = addr("::1", 0), there;
	int server = FD(socket(AF_INET, SOCK_STREAM, 0)), client, served;

	if (bindresvport(server, NULL) && errno == EACCES)
		SKIP("reserved ports need a privilege here");
	there = name_addr(server);
	EQ(1, port_in(&there) >= 512 && port_in(&there) < 1024);
	WANT(0, listen(server, 5));
	client = FD(client_of("127.0.0.1", port_in(&there)));
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'r');
	EQ(1, port_in(&there) == port_in((struct addr[]){ name_addr(served) }));

	/* the port in the name is only written, never read */
	server = FD(socket(AF_INET, SOCK_STREAM, 0));
	EQ(0, bindresvport(server, &want.in));
	EQ(1, port_in(&want) >= 512 && port_in(&want) < 1024);
	EQ(0, strcmp(show(&want), name_of(server)));
	FAILS(EAFNOSUPPORT, bindresvport(server, &other.in));
	return 0;
}
