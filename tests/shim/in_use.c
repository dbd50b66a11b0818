/* SPDX-License-Identifier: MIT */
/*
 * Bug 1: the second bind of a port succeeds or steals it (socket_wrapper, sandlock, ip2unix,
 * mirrord#1123): in one process, with and without SO_REUSEADDR, wildcard against specific address;
 * afterwards the first listener still serves.
 */
#include "t.h"

enum { PORT = 4420 };

static void clash(const char *first, const char *second, int port)
{
	int server = listen_on(first, port), other = socket_for(second, SOCK_STREAM), client,
	    served;

	say("%s then %s\n", first, second);
	FAILS(EADDRINUSE, bind_to(other, second, port));
	set_option(other, SOL_SOCKET, SO_REUSEADDR, 1);
	FAILS(EADDRINUSE, bind_to(other, second, port));
	IS("0.0.0.0:0", name_of(other));
	client = FD(client_of("127.0.0.1", port));
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'u');
	/* the same socket may still go elsewhere */
	WANT(0, bind_to(other, second, port + 1));
	close(other);
	close(client);
	close(served);
	close(server);
}

int main(void)
{
	int one, two;

	clash("127.0.0.1", "127.0.0.1", PORT);
	clash("127.0.0.1", "0.0.0.0", PORT);
	clash("0.0.0.0", "127.0.0.1", PORT);
	clash("0.0.0.0", "0.0.0.0", PORT);

	/*
	 * SO_REUSEADDR on both and no one listening: two may be bound, the second to listen is
	 * refused
	 */
	one = socket_for("127.0.0.1", SOCK_STREAM);
	two = socket_for("127.0.0.1", SOCK_STREAM);
	set_option(one, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(two, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(one, "127.0.0.1", PORT + 2));
	WANT(0, bind_to(two, "127.0.0.1", PORT + 2));
	WANT(0, listen(one, 5));
	FAILS(EADDRINUSE, listen(two, 5));
	return 0;
}
