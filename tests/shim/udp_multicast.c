/* SPDX-License-Identifier: MIT */
/*
 * UDP multicast on loopback, as service discovery is tested: the members of a group on a port hear
 * what is sent there.
 */
#include "t.h"

enum { PORT = 4930 };

int main(void)
{
	struct addr to = addr("239.255.4.93", PORT), from = { .len = sizeof(from.ss) };
	struct ip_mreqn group = { .imr_multiaddr = to.in.sin_addr,
		                  .imr_address.s_addr = htonl(INADDR_LOOPBACK) };
	int member = FD(socket(AF_INET, SOCK_DGRAM, 0)), client = FD(udp_on("127.0.0.1", PORT + 1));
	struct pollfd p = { member, POLLIN, 0 };

	set_option(member, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(member, "0.0.0.0", PORT));
	WANT(0, setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	WANT(0, setsockopt(client, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)));
	WANT(1, sendto(client, "m", 1, 0, &to.sa, to.len));
	EQ(1, poll(&p, 1, 2000));
	WANT(1, recvfrom(member, &(char){ 0 }, 1, 0, &from.sa, &from.len));
	IS("127.0.0.1:4931", show(&from));
	return 0;
}
