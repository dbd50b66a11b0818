/* SPDX-License-Identifier: MIT */
/*
 * v4-mapped addresses: an IPv6 socket bound to ::ffff:127.0.0.1 serves IPv4, and an IPv6 socket
 * reaches an IPv4 listener.
 */
#include "t.h"

enum { PORT = 4030 };

int main(void)
{
	int server, client, served;

	need_ipv6();
	server = FD(listen_on("::ffff:127.0.0.1", PORT));
	IS("[::ffff:127.0.0.1]:4030", name_of(server));
	client = FD(client_of("127.0.0.1", PORT));
	IS("127.0.0.1:4030", peer_of(client));
	served = FD(accept(server, NULL, NULL));
	IS("[::ffff:127.0.0.1]:4030", name_of(served));
	pass_byte(client, served, 'm');

	server = FD(listen_on("127.0.0.1", PORT + 1));
	client = FD(client_of("::ffff:127.0.0.1", PORT + 1));
	IS("[::ffff:127.0.0.1]:4031", peer_of(client));
	served = FD(accept(server, NULL, NULL));
	IS("127.0.0.1:4031", name_of(served));
	pass_byte(served, client, 'n');
	return 0;
}
