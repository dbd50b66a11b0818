/* SPDX-License-Identifier: MIT */
/*
 * SO_REUSEPORT: two listeners and two UDP sockets share a port; one without the option does not;
 * when one closes the other serves all.
 */
#include "t.h"

enum { PORT = 4400 };

static int sharing(int type, bool share)
{
	int fd = socket_for("127.0.0.1", type);

	set_option(fd, SOL_SOCKET, SO_REUSEADDR, type == SOCK_STREAM);
	set_option(fd, SOL_SOCKET, SO_REUSEPORT, share);
	return fd;
}

int main(void)
{
	int one = sharing(SOCK_STREAM, true), two = sharing(SOCK_STREAM, true),
	    third = sharing(SOCK_STREAM, false);
	int served[2] = { 0 }, client;

	WANT(0, bind_to(one, "127.0.0.1", PORT));
	WANT(0, listen(one, 64));
	WANT(0, bind_to(two, "127.0.0.1", PORT));
	WANT(0, listen(two, 64));
	FAILS(EADDRINUSE, bind_to(third, "127.0.0.1", PORT));
	IS("127.0.0.1:4400", name_of(one));
	IS("127.0.0.1:4400", name_of(two));
	for (int i = 0; i < 40; i++) {
		struct pollfd p[2] = { { one, POLLIN, 0 }, { two, POLLIN, 0 } };
		int which, end;

		client = (int)MUST(client_of("127.0.0.1", PORT));
		MUST(poll(p, 2, 5000));
		which = p[1].revents != 0;
		end = (int)MUST(accept(p[which].fd, NULL, NULL));
		served[which]++;
		pass_byte(client, end, 'r');
		close(client);
		close(end);
	}
	EQ(40, served[0] + served[1]);
	WANT(0, close(one));
	client = FD(client_of("127.0.0.1", PORT));
	pass_byte(client, FD(accept(two, NULL, NULL)), '2');

	one = sharing(SOCK_DGRAM, true);
	two = sharing(SOCK_DGRAM, true);
	third = sharing(SOCK_DGRAM, false);
	WANT(0, bind_to(one, "127.0.0.1", PORT));
	WANT(0, bind_to(two, "127.0.0.1", PORT));
	FAILS(EADDRINUSE, bind_to(third, "127.0.0.1", PORT));
	return 0;
}
