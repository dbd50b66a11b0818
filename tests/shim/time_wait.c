/* SPDX-License-Identifier: MIT */
/*
 * After a server closed its connections first, the port is in TIME_WAIT: a bind without
 * SO_REUSEADDR finds it in use, with it not.
 */
#include "t.h"

enum { PORT = 4410 };

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT)), client = FD(client_of("127.0.0.1", PORT));
	int served = FD(accept(server, NULL, NULL));
	char byte;

	WANT(0, close(served));
	WANT(0, read(client, &byte, 1));
	WANT(0, close(client));
	WANT(0, close(server));
	server = FD(socket(AF_INET, SOCK_STREAM, 0));
	FAILS(EADDRINUSE, bind_to(server, "127.0.0.1", PORT));
	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(server, "127.0.0.1", PORT));
	IS("127.0.0.1:4410", name_of(server));
	WANT(0, listen(server, 5));
	client = FD(client_of("127.0.0.1", PORT));
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 't');
	return 0;
}
