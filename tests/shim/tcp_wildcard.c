/* SPDX-License-Identifier: MIT */
/*
 * A listener on 0.0.0.0 is reached by every loopback address, and by 0.0.0.0 itself, as Linux has
 * it.
 */
#include "t.h"

enum { PORT = 4040 };

static void meet(int server, const char *host)
{
	int client = FD(client_of(host, PORT)), served = FD(accept(server, NULL, NULL));

	say("%s: client sees %s, server %s\n", host, peer_of(client), name_of(served));
	EQ(strcmp(peer_of(client), name_of(served)), 0);
	EQ(PORT, port_in((struct addr[]){ name_addr(served) }));
	pass_byte(client, served, 'w');
	close(client);
	close(served);
}

int main(void)
{
	int server = FD(listen_on("0.0.0.0", PORT));

	IS("0.0.0.0:4040", name_of(server));
	meet(server, "127.0.0.1");
	meet(server, "127.9.8.7");
	meet(server, "0.0.0.0");
	return 0;
}
