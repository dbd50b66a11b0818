/* SPDX-License-Identifier: MIT */
/*
 * Multipath TCP sockets: listener and client with IPPROTO_MPTCP, and a plain TCP client of the same
 * listener.
 */
#include "t.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { PORT = 4660 };

static void meet(int server, int protocol)
{
	struct addr from = { .len = sizeof(from.ss) };
	int client = FD(socket(AF_INET, SOCK_STREAM, protocol)), served;

	WANT(0, connect_to(client, "127.0.0.1", PORT));
	IS("127.0.0.1:4660", peer_of(client));
	served = FD(accept(server, &from.sa, &from.len));
	IS("127.0.0.1:4660", name_of(served));
	EQ(0, strcmp(show(&from), name_of(client)));
	pass_byte(client, served, 'm');
}

int main(void)
{
	int server = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), other;

	if (server < 0)
		SKIP("no multipath TCP here: %s", err_name(errno));
	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(server, "127.0.0.1", PORT));
	WANT(0, listen(server, 5));
	IS("127.0.0.1:4660", name_of(server));
	meet(server, IPPROTO_MPTCP);
	meet(server, 0);
	/* one map for TCP of both kinds: the port is in use */
	other = FD(socket(AF_INET, SOCK_STREAM, 0));
	FAILS(EADDRINUSE, bind_to(other, "127.0.0.1", PORT));
	return 0;
}
