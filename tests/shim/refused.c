/* SPDX-License-Identifier: MIT */
/* A port where no one listens refuses: never bound, bound but not listening, and closed again. */
#include "t.h"

enum { PORT = 4470 };

int main(void)
{
	int server;

	FAILS(ECONNREFUSED, client_of("127.0.0.1", PORT));
	FAILS(ECONNREFUSED, client_of("127.5.6.7", PORT));
	if (have_ipv6()) {
		FAILS(ECONNREFUSED, client_of("::1", PORT));
		FAILS(ECONNREFUSED, client_of("::ffff:127.0.0.1", PORT));
	}
	server = FD(socket(AF_INET, SOCK_STREAM, 0));
	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(server, "127.0.0.1", PORT));
	FAILS(ECONNREFUSED, client_of("127.0.0.1", PORT));
	WANT(0, listen(server, 5));
	FD(client_of("127.0.0.1", PORT));
	WANT(0, close(server));
	FAILS(ECONNREFUSED, client_of("127.0.0.1", PORT));
	return 0;
}
