/* SPDX-License-Identifier: MIT */
/*
 * UDP over IPv6: round trip on ::1; an IPv4 client of a [::] server appears v4-mapped and gets its
 * reply from the right port.
 */
#include "t.h"

enum { PORT = 4160 };

static void echo(int server, int client, struct addr to, const char *source, const char *reply)
{
	struct addr from = { .len = sizeof(from.ss) };
	char text[16];

	WANT(4, sendto(client, "ping", 4, 0, &to.sa, to.len));
	WANT(4, recvfrom(server, text, sizeof(text), 0, &from.sa, &from.len));
	IS(source, show(&from));
	WANT(4, sendto(server, "pong", 4, 0, &from.sa, from.len));
	from = (struct addr){ .len = sizeof(from.ss) };
	WANT(4, recvfrom(client, text, sizeof(text), 0, &from.sa, &from.len));
	IS(reply, show(&from));
}

int main(void)
{
	int server, client;

	need_ipv6();
	server = FD(udp_on("::", PORT));
	client = FD(udp_on("::1", PORT + 1));
	echo(server, client, addr("::1", PORT), "[::1]:4161", "[::1]:4160");
	client = FD(udp_on("127.0.0.1", PORT + 2));
	echo(server, client, addr("127.0.0.1", PORT), "[::ffff:127.0.0.1]:4162", "127.0.0.1:4160");
	client = FD(udp_on("::ffff:127.0.0.1", PORT + 3));
	echo(server, client, addr("::ffff:127.0.0.1", PORT), "[::ffff:127.0.0.1]:4163",
	     "[::ffff:127.0.0.1]:4160");
	return 0;
}
