/* SPDX-License-Identifier: MIT */
/*
 * Raw sockets: the port field of their addresses is a protocol number or nothing at all, and stays
 * so.
 */
#include "t.h"

enum { PORT = 4690, PROTOCOL = 253 /* for experiments, RFC 3692 */ };

int main(void)
{
	struct addr to = addr("127.0.0.1", 0), from = { .len = sizeof(from.ss) };
	int fd = socket(AF_INET, SOCK_RAW, PROTOCOL);
	char packet[64];

	if (fd < 0)
		SKIP("raw sockets need a privilege here");
	FD(listen_on("127.0.0.1", PORT));
	FD(udp_on("127.0.0.1", PORT));
	WANT(0, bind_to(fd, "127.0.0.1", PORT));
	say("%s\n", name_of(fd));
	WANT(5, sendto(fd, "hello", 5, 0, &to.sa, to.len));
	WANT(25, recvfrom(fd, packet, sizeof(packet), 0, &from.sa, &from.len));
	IS("127.0.0.1:0", show(&from));
	EQ(0, memcmp(packet + 20, "hello", 5));
	/* the same text: a raw socket hears what other copies send */
	to = addr("127.0.0.1", PORT);
	say("%s\n", sendto(fd, "hello", 5, 0, &to.sa, to.len) == 5 ? "sent" : err_name(errno));
	WANT(0, connect_to(fd, "127.0.0.1", PORT));
	say("%s\n", peer_of(fd));
	return 0;
}
