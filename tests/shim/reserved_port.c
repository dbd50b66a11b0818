/* SPDX-License-Identifier: MIT */
/* bindresvport: with no port given it finds a reserved one by which the socket is reached; a port that is given is used. */
#include "t.h"

enum { RESERVED = 733 };

int main(void)
{
	struct addr want = addr("127.0.0.1", RESERVED), there;
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

	/* glibc takes the given port for a hint at most; only the answer counts */
	server = FD(socket(AF_INET, SOCK_STREAM, 0));
	WANT(0, bindresvport(server, &want.in));
	there = name_addr(server);
	EQ(port_in(&want), port_in(&there) == port_in(&want) ? port_in(&want) : 0);
	EQ(INADDR_LOOPBACK, ntohl(there.in.sin_addr.s_addr));
	return 0;
}
