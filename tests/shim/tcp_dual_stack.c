/* SPDX-License-Identifier: MIT */
/*
 * Dual stack: a listener on [::] serves IPv4 and IPv6 clients; its IPv4 clients have v4-mapped
 * names. Bug 8: v4-mapped or [::] missed (mirrord#2117, graftcp#82, libkrunfw#99).
 */
#include "t.h"

enum { PORT = 4020 };

static void host_is(const char *want, struct addr a)
{
	char host[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &a.in6.sin6_addr, host, sizeof(host));
	IS(want, host);
}

static void meet(int server, const char *target, const char *source, const char *name)
{
	struct addr from = { .len = sizeof(from.ss) };
	int client = FD(client_of(target, PORT)), served = FD(accept(server, &from.sa, &from.len));

	host_is(source, from);
	IS(name, name_of(served));
	EQ(port_in(&from) == port_in((struct addr[]){ name_addr(client) }), 1);
	pass_byte(client, served, 'd');
	say("%s\n", peer_of(client));
	close(client);
	close(served);
}

int main(void)
{
	int server;

	need_ipv6();
	server = FD(socket(AF_INET6, SOCK_STREAM, 0));
	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(server, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	WANT(0, bind_to(server, "::", PORT));
	WANT(0, listen(server, 5));
	IS("[::]:4020", name_of(server));
	meet(server, "::1", "::1", "[::1]:4020");
	meet(server, "127.0.0.1", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:4020");
	meet(server, "::ffff:127.0.0.1", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:4020");
	meet(server, "127.0.0.3", "::ffff:127.0.0.1", "[::ffff:127.0.0.3]:4020");
	return 0;
}
