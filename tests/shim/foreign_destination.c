/* SPDX-License-Identifier: MIT */
/*
 * Destinations that are not local are untouched: connected UDP keeps the port, also one that is
 * bound here; a TCP connect and a bind to an address that is not of this host give the kernel's
 * answer. The test networks of RFC 5737 never answer.
 */
#include "t.h"

enum { PORT = 4720 };

static void remote(const char *host)
{
	int udp = socket_for(host, SOCK_DGRAM), tcp = socket_for(host, SOCK_STREAM | SOCK_NONBLOCK);
	struct addr there = addr(host, PORT), seen = { .len = sizeof(seen.ss) };

	/* ENETUNREACH where there is no route: print what comes, it is the same bare */
	if (connect(udp, &there.sa, there.len)) {
		say("%s UDP: %s\n", host, err_name(errno));
	} else {
		MUST(getpeername(udp, &seen.sa, &seen.len));
		EQ(0, strcmp(show(&there), show(&seen)));
		say("%s UDP: %s\n", host, peer_of(udp));
		/* and that is what the kernel has, not only what Berth makes it say */
		seen.len = there.len;
		MUST(getsockopt(udp, SOL_SOCKET, SO_PEERNAME, &seen.ss, &seen.len));
		IS(show(&there), show(&seen));
	}
	if (connect(tcp, &there.sa, there.len))
		say("%s TCP: %s\n", host, err_name(errno));
	seen.len = sizeof(seen.ss);
	say("%s TCP: peer %s\n", host,
	    getpeername(tcp, &seen.sa, &seen.len) ? err_name(errno) : show(&seen));
	FAILS(EADDRNOTAVAIL, bind(socket_for(host, SOCK_STREAM), &there.sa, there.len));
	close(udp);
	close(tcp);
}

int main(void)
{
	FD(listen_on("127.0.0.1", PORT));
	FD(udp_on("0.0.0.0", PORT));
	remote("198.51.100.1");
	remote("203.0.113.77");
	if (have_ipv6()) {
		remote("2001:db8::1");
		remote("::ffff:198.51.100.1");
	}
	return 0;
}
