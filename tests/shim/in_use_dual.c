/* SPDX-License-Identifier: MIT */
/*
 * Dual stack clashes: [::] without V6ONLY takes the IPv4 port too, in either order; with V6ONLY
 * both live side by side.
 */
#include "t.h"

enum { PORT = 4440 };

static int six(int only, int port)
{
	int fd = socket_for("::", SOCK_STREAM);

	set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, only);
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	MUST(bind_to(fd, "::", port));
	MUST(listen(fd, 5));
	return fd;
}

static int reusing(const char *host)
{
	int fd = socket_for(host, SOCK_STREAM);

	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return fd;
}

int main(void)
{
	int server, four, client, served;

	need_ipv6();
	server = FD(six(0, PORT));
	FAILS(EADDRINUSE, bind_to(reusing("0.0.0.0"), "0.0.0.0", PORT));
	FAILS(EADDRINUSE, bind_to(reusing("0.0.0.0"), "127.0.0.1", PORT));
	FAILS(EADDRINUSE, bind_to(reusing("::"), "::1", PORT));
	FAILS(EADDRINUSE, bind_to(reusing("::"), "::ffff:127.0.0.1", PORT));
	close(server);

	four = FD(listen_on("127.0.0.1", PORT));
	FAILS(EADDRINUSE, bind_to(reusing("::"), "::", PORT));
	FAILS(EADDRINUSE, bind_to(reusing("::"), "::ffff:127.0.0.1", PORT));
	WANT(0, bind_to(reusing("::"), "::1", PORT));
	close(four);

	server = FD(six(1, PORT + 1));
	four = FD(listen_on("0.0.0.0", PORT + 1));
	client = FD(client_of("127.0.0.1", PORT + 1));
	served = FD(accept(four, NULL, NULL));
	pass_byte(client, served, '4');
	client = FD(client_of("::1", PORT + 1));
	served = FD(accept(server, NULL, NULL));
	IS("[::1]:4441", name_of(served));
	pass_byte(client, served, '6');
	return 0;
}
