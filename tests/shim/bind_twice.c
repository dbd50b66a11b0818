/* SPDX-License-Identifier: MIT */
/*
 * States: binding a bound socket, connecting a listener, listening on a connected one, connecting
 * to oneself.
 */
#include "t.h"

enum { PORT = 4810 };

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT)), client, udp, self;

	FAILS(EINVAL, bind_to(server, "127.0.0.1", PORT));
	FAILS(EINVAL, bind_to(server, "127.0.0.1", PORT + 1));
	IS("127.0.0.1:4810", name_of(server));
	FAILS(EISCONN, connect_to(server, "127.0.0.1", PORT + 1));
	client = FD(client_of("127.0.0.1", PORT));
	FAILS(EINVAL, bind_to(client, "127.0.0.1", PORT + 2));
	FAILS(EINVAL, listen(client, 5));
	FAILS(EISCONN, connect_to(client, "127.0.0.1", PORT));
	udp = FD(udp_on("127.0.0.1", PORT));
	FAILS(EINVAL, bind_to(udp, "127.0.0.1", PORT + 1));
	FAILS(EOPNOTSUPP, listen(udp, 5));
	/* a failed bind leaves nothing behind: the port is free for another */
	WANT(0, bind_to(socket_for("127.0.0.1", SOCK_STREAM), "127.0.0.1", PORT + 1));
	/* a TCP socket connected to its own name (mirrord's self_connect) */
	self = FD(socket(AF_INET, SOCK_STREAM, 0));
	set_option(self, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(self, "127.0.0.1", PORT + 3));
	WANT(0, connect_to(self, "127.0.0.1", PORT + 3));
	IS("127.0.0.1:4813", name_of(self));
	IS("127.0.0.1:4813", peer_of(self));
	pass_byte(self, self, 's');
	MUST(setsockopt(self, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
	                sizeof(struct linger)));
	return 0;
}
