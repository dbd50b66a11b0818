/* SPDX-License-Identifier: MIT */
/*
 * recvfrom and recvmsg with MSG_PEEK and MSG_TRUNC: the same name each time, the full length
 * returned, nothing consumed.
 */
#include "t.h"

enum { PORT = 4140 };

int main(void)
{
	struct addr to = addr("127.0.0.1", PORT), from = { .len = sizeof(from.ss) };
	int server = FD(udp_on("127.0.0.1", PORT)), client = FD(udp_on("127.0.0.1", PORT + 1));
	char text[16];
	struct iovec data = { text, 3 };
	struct msghdr m = { .msg_name = &from.ss,
		            .msg_namelen = sizeof(from.ss),
		            .msg_iov = &data,
		            .msg_iovlen = 1 };

	WANT(10, sendto(client, "0123456789", 10, 0, &to.sa, to.len));
	WANT(4, recvfrom(server, text, 4, MSG_PEEK, &from.sa, &from.len));
	IS("127.0.0.1:4141", show(&from));
	from = (struct addr){ .len = sizeof(from.ss) };
	WANT(10, recvfrom(server, text, 4, MSG_PEEK | MSG_TRUNC, &from.sa, &from.len));
	IS("127.0.0.1:4141", show(&from));
	WANT(10, recvmsg(server, &m, MSG_PEEK | MSG_TRUNC));
	EQ(MSG_TRUNC, m.msg_flags & MSG_TRUNC);
	from.len = m.msg_namelen;
	IS("127.0.0.1:4141", show(&from));
	WANT(10, recv(server, text, 0, MSG_PEEK | MSG_TRUNC));
	WANT(4, recvfrom(server, text, 4, 0, NULL, NULL));
	FAILS(EAGAIN, recvfrom(server, text, 4, MSG_DONTWAIT, &from.sa, &from.len));
	return 0;
}
