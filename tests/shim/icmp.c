/* SPDX-License-Identifier: MIT */
/*
 * ICMP datagram sockets: their "port" is the echo identifier, and no port map may touch it (unless
 * the very number is a TCP and a UDP port of the worker as well: docs/limits.md).
 */
#include "t.h"
#include <netinet/ip_icmp.h>

enum { IDENTIFIER = 4680 };

int main(void)
{
	struct icmphdr out = { .type = ICMP_ECHO, .un.echo.sequence = htons(1) }, in = { 0 };
	struct addr to = addr("127.0.0.1", 0), from = { .len = sizeof(from.ss) };
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	if (fd < 0)
		SKIP("no ICMP datagram sockets for this user here: %s", err_name(errno));
	WANT(0, bind_to(fd, "127.0.0.1", IDENTIFIER));
	IS("127.0.0.1:4680", name_of(fd));
	WANT(sizeof(out), sendto(fd, &out, sizeof(out), 0, &to.sa, to.len));
	WANT(sizeof(in), recvfrom(fd, &in, sizeof(in), 0, &from.sa, &from.len));
	IS("127.0.0.1:0", show(&from));
	EQ(ICMP_ECHOREPLY, in.type);
	EQ(IDENTIFIER, ntohs(in.un.echo.id));
	return 0;
}
