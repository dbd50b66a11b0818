/* SPDX-License-Identifier: MIT */
/*
 * Bug 5: bind(0) rejected the second time, or the reported port is not the reachable one
 * (mirrord#2811, libkrun#818): port 0 twice, TCP and UDP, each reachable by the port that
 * getsockname tells.
 */
#include "t.h"

enum { PORT = 4380 };

static int bound_to_zero(const char *host, int type)
{
	int fd = FD(socket(strchr(host, ':') ? AF_INET6 : AF_INET, type, 0));

	WANT(0, bind_to(fd, host, 0));
	EQ(1, port_in((struct addr[]){ name_addr(fd) }) > 0);
	return fd;
}

static void reachable(int server)
{
	struct addr there = name_addr(server);
	int client = FD(socket(AF_INET, SOCK_STREAM, 0)), served;

	WANT(0, connect(client, &there.sa, there.len));
	EQ(0, strcmp(peer_of(client), show(&there)));
	served = FD(accept(server, NULL, NULL));
	EQ(0, strcmp(name_of(served), show(&there)));
	pass_byte(client, served, 'z');
}

int main(void)
{
	int one = bound_to_zero("127.0.0.1", SOCK_STREAM),
	    two = bound_to_zero("127.0.0.1", SOCK_STREAM), udp, fixed;
	struct addr there;

	WANT(0, listen(one, 5));
	WANT(0, listen(two, 5));
	EQ(1, strcmp(name_of(one), name_of(two)) != 0);
	reachable(one);
	reachable(two);

	udp = bound_to_zero("127.0.0.1", SOCK_DGRAM);
	there = name_addr(udp);
	fixed = FD(udp_on("127.0.0.1", PORT));
	WANT(1, sendto(fixed, "z", 1, 0, &there.sa, there.len));
	WANT(1, recvfrom(udp, &(char){ 0 }, 1, 0, &there.sa, &there.len));
	IS("127.0.0.1:4380", show(&there));
	WANT(1, sendto(udp, "y", 1, 0, &there.sa, there.len));
	there.len = sizeof(there.ss);
	WANT(1, recvfrom(fixed, &(char){ 0 }, 1, 0, &there.sa, &there.len));
	EQ(0, strcmp(show(&there), name_of(udp)));
	return 0;
}
