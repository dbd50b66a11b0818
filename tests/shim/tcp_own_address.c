/* SPDX-License-Identifier: MIT */
/*
 * The host's own address on a network is local too: bind and connect by it, and reach a wildcard
 * listener through it.
 */
#include "t.h"
#include <ifaddrs.h>
#include <net/if.h>

enum { PORT = 4050 };

static const char *own_address(void)
{
	static char host[INET_ADDRSTRLEN];
	struct ifaddrs *all = NULL;

	MUST(getifaddrs(&all));
	for (struct ifaddrs *i = all; i && !*host; i = i->ifa_next) {
		struct in_addr in;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP))
			continue;
		in = ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
		if (ntohl(in.s_addr) >> 24 != 127)
			inet_ntop(AF_INET, &in, host, sizeof(host));
	}
	freeifaddrs(all);
	return *host ? host : NULL;
}

int main(void)
{
	const char *own = own_address();
	int server, client, served;

	if (!own)
		SKIP("no IPv4 address but loopback here");
	round_trip(own, PORT);
	server = FD(listen_on("0.0.0.0", PORT + 1));
	client = FD(client_of(own, PORT + 1));
	served = FD(accept(server, NULL, NULL));
	say("%s %s\n", peer_of(client), name_of(served));
	EQ(strcmp(peer_of(client), name_of(served)), 0);
	EQ(PORT + 1, port_in((struct addr[]){ name_addr(served) }));
	return 0;
}
