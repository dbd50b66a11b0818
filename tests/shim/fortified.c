/* SPDX-License-Identifier: MIT */
/*
 * Bug 16: missing aliases such as __recvfrom_chk (F-Stack PR#886, DAOS#13200): built with
 * _FORTIFY_SOURCE=2, where the compiler turns recvfrom into it; and __connect, which old libraries
 * are linked to.
 */
#include "t.h"

int __connect(int fd, const struct sockaddr *sa, socklen_t len);

enum { PORT = 4650 };

int main(int argc, char **argv)
{
	struct addr to = addr("127.0.0.1", PORT), from = { .len = sizeof(from.ss) };
	int server = FD(udp_on("127.0.0.1", PORT)), client = FD(udp_on("127.0.0.1", PORT + 1));
	/* a length that the compiler cannot know makes it call the checking function */
	size_t len = (size_t)argc * 4;
	char text[16];

	(void)argv;
	WANT(4, sendto(client, "fort", 4, 0, &to.sa, to.len));
	WANT(4, recvfrom(server, text, len, MSG_PEEK, &from.sa, &from.len));
	IS("127.0.0.1:4651", show(&from));
	from = (struct addr){ .len = sizeof(from.ss) };
	WANT(4, recvfrom(server, text, len, 0, &from.sa, &from.len));
	IS("127.0.0.1:4651", show(&from));
	WANT(4, sendto(server, text, len, 0, &from.sa, from.len));
	WANT(4, recv(client, text, len, MSG_PEEK));
	WANT(4, recvfrom(client, text, len, 0, &from.sa, &from.len));
	IS("127.0.0.1:4650", show(&from));
	EQ(0, memcmp(text, "fort", 4));
	WANT(0, __connect(client, &to.sa, to.len));
	IS("127.0.0.1:4650", peer_of(client));
	return 0;
}
