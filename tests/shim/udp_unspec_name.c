/* SPDX-License-Identifier: MIT */
/* sendto on an IPv4 socket with family AF_UNSPEC in the name: Linux takes it for AF_INET. */
#include "t.h"

enum { PORT = 4130 };

int main(void)
{
	struct addr to = addr("127.0.0.1", PORT), from = { .len = sizeof(from.ss) };
	int server = FD(udp_on("127.0.0.1", PORT)), client = FD(udp_on("127.0.0.1", PORT + 1));
	struct iovec data = { (char *)"hello", 5 };
	struct msghdr m = {
		.msg_name = &to.sa, .msg_namelen = to.len, .msg_iov = &data, .msg_iovlen = 1
	};
	char text[16];

	to.sa.sa_family = AF_UNSPEC;
	WANT(5, sendto(client, "hello", 5, 0, &to.sa, to.len));
	WANT(5, recvfrom(server, text, sizeof(text), 0, &from.sa, &from.len));
	IS("127.0.0.1:4131", show(&from));
	WANT(5, sendmsg(client, &m, 0));
	WANT(5, recv(server, text, sizeof(text), 0));
	EQ(AF_UNSPEC, to.sa.sa_family);
	to.sa.sa_family = 999 % 256;
	FAILS(EAFNOSUPPORT, sendto(client, "hello", 5, 0, &to.sa, to.len));
	return 0;
}
