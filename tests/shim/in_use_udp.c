/* SPDX-License-Identifier: MIT */
/*
 * UDP: the second bind of a port is refused, wildcard or not, dual stack or not; with SO_REUSEADDR
 * on both it is allowed.
 */
#include "t.h"

enum { PORT = 4450 };

int main(void)
{
	int one = FD(udp_on("127.0.0.1", PORT)), two = FD(socket(AF_INET, SOCK_DGRAM, 0));

	FAILS(EADDRINUSE, bind_to(two, "127.0.0.1", PORT));
	FAILS(EADDRINUSE, bind_to(two, "0.0.0.0", PORT));
	WANT(0, bind_to(two, "127.0.0.2", PORT));
	if (have_ipv6())
		FAILS(EADDRINUSE, bind_to(socket_for("::", SOCK_DGRAM), "::", PORT));
	close(one);
	close(two);
	one = FD(socket(AF_INET, SOCK_DGRAM, 0));
	two = FD(socket(AF_INET, SOCK_DGRAM, 0));
	set_option(one, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(two, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(one, "127.0.0.1", PORT));
	WANT(0, bind_to(two, "127.0.0.1", PORT));
	IS("127.0.0.1:4450", name_of(two));
	return 0;
}
