/* SPDX-License-Identifier: MIT */
/* A client that binds a source port of its own is seen by its server under that port. */
#include "t.h"

enum { PORT = 4060 };

int main(void)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server = FD(listen_on("127.0.0.1", PORT)), client = FD(socket(AF_INET, SOCK_STREAM, 0)), served;

	set_option(client, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(client, "127.0.0.1", PORT + 1));
	WANT(0, connect_to(client, "127.0.0.1", PORT));
	IS("127.0.0.1:4061", name_of(client));
	served = FD(accept(server, &from.sa, &from.len));
	IS("127.0.0.1:4061", show(&from));
	IS("127.0.0.1:4061", peer_of(served));
	pass_byte(client, served, 's');
	MUST(setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger)));
	WANT(0, close(client));
	FAILS(ECONNRESET, read(served, &from, 1));
	return 0;
}
