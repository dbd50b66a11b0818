/* SPDX-License-Identifier: MIT */
/*
 * bind with family AF_UNSPEC: Linux takes it for AF_INET if the address is INADDR_ANY, else
 * EAFNOSUPPORT.
 */
#include "t.h"

enum { PORT = 4500 };

int main(void)
{
	struct addr any = addr("0.0.0.0", PORT), some = addr("127.0.0.1", PORT);
	int server = FD(socket(AF_INET, SOCK_STREAM, 0)), udp = FD(socket(AF_INET, SOCK_DGRAM, 0)),
	    client, served;

	any.sa.sa_family = some.sa.sa_family = AF_UNSPEC;
	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	FAILS(EAFNOSUPPORT, bind(server, &some.sa, some.len));
	WANT(0, bind(server, &any.sa, any.len));
	IS("0.0.0.0:4500", name_of(server));
	WANT(0, listen(server, 5));
	client = FD(client_of("127.0.0.1", PORT));
	served = FD(accept(server, NULL, NULL));
	IS("127.0.0.1:4500", name_of(served));
	pass_byte(client, served, 'u');
	WANT(0, bind(udp, &any.sa, any.len));
	IS("0.0.0.0:4500", name_of(udp));
	FAILS(EADDRINUSE, bind_to(socket_for("127.0.0.1", SOCK_DGRAM), "127.0.0.1", PORT));
	if (have_ipv6()) {
		FAILS(EINVAL, bind(socket_for("::", SOCK_STREAM), &any.sa, any.len));
		any = addr("::", PORT);
		any.sa.sa_family = AF_UNSPEC;
		FAILS(EAFNOSUPPORT, bind(socket_for("::", SOCK_STREAM), &any.sa, any.len));
	}
	return 0;
}
