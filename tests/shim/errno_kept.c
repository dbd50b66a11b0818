/* SPDX-License-Identifier: MIT */
/*
 * errno is untouched by every call that succeeds (a comment in mirrord's ops.rs: node looks at
 * errno after a successful bind).
 */
#include "t.h"

enum { PORT = 4610 };

int main(void)
{
	struct addr there = addr("127.0.0.1", PORT), from = { .len = sizeof(from.ss) };
	int server = FD(socket(AF_INET, SOCK_STREAM, 0)),
	    client = FD(socket(AF_INET, SOCK_STREAM, 0));
	int udp = FD(socket(AF_INET, SOCK_DGRAM, 0));
	char byte = 'e';
	struct iovec data = { &byte, 1 };
	struct msghdr m = {
		.msg_name = &there.sa, .msg_namelen = there.len, .msg_iov = &data, .msg_iovlen = 1
	};
	struct mmsghdr mm[2] = { { .msg_hdr = m }, { .msg_hdr = m } };

	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind(server, &there.sa, there.len));
	WANT(0, listen(server, 5));
	WANT(0, connect(client, &there.sa, there.len));
	FD(accept(server, &from.sa, &from.len));
	FD(client_of("127.0.0.1", PORT));
	FD(accept4(server, &from.sa, &from.len, 0));
	WANT(0, getsockname(server, &from.sa, &from.len));
	WANT(0, getpeername(client, &from.sa, &from.len));
	WANT(0, bind(udp, &there.sa, there.len));
	WANT(1, sendto(udp, &byte, 1, 0, &there.sa, there.len));
	WANT(1, sendmsg(udp, &m, 0));
	WANT(2, sendmmsg(udp, mm, 2, 0));
	WANT(1, recvfrom(udp, &byte, 1, 0, &from.sa, &from.len));
	WANT(1, recvmsg(udp, &m, 0));
	WANT(2, recvmmsg(udp, mm, 2, 0, NULL));
	WANT(0, connect(udp, &there.sa, there.len));
	/* and a port that was never seen before, so that the first claim is made here */
	WANT(0, bind_to(socket_for("127.0.0.1", SOCK_STREAM), "127.0.0.1", PORT + 1));
	return 0;
}
