/* SPDX-License-Identifier: MIT */
/*
 * IP_RECVERR: the error queue names the destination that refused, under the port that the program
 * sent to.
 */
#include "t.h"
#include <linux/errqueue.h>
#include <time.h>

enum { PORT = 4150 };

int main(void)
{
	struct addr to = addr("127.0.0.1", PORT), from = { 0 };
	/* a server was here once: the port is known, and no one listens any more */
	int server = FD(udp_on("127.0.0.1", PORT)), client = FD(udp_on("127.0.0.1", PORT + 1));
	char text[16], control[256];
	struct iovec data = { text, sizeof(text) };
	struct msghdr m = { .msg_name = &from.ss,
		            .msg_namelen = sizeof(from.ss),
		            .msg_iov = &data,
		            .msg_iovlen = 1,
		            .msg_control = control,
		            .msg_controllen = sizeof(control) };
	struct pollfd p = { client, 0, 0 };
	struct sock_extended_err error;

	WANT(0, close(server));
	set_option(client, IPPROTO_IP, IP_RECVERR, 1);
	WANT(4, sendto(client, "lost", 4, 0, &to.sa, to.len));
	EQ(1, poll(&p, 1, 5000));
	EQ(POLLERR, p.revents);
	WANT(4, recvmsg(client, &m, MSG_ERRQUEUE));
	EQ(MSG_ERRQUEUE, m.msg_flags);
	from.len = m.msg_namelen;
	IS("127.0.0.1:4150", show(&from));
	memcpy(&error, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(error));
	IS("ECONNREFUSED", err_name((int)error.ee_errno));
	EQ(SO_EE_ORIGIN_ICMP, error.ee_origin);

	/* the same through recvfrom */
	WANT(4, sendto(client, "lost", 4, 0, &to.sa, to.len));
	EQ(1, poll(&p, 1, 5000));
	from = (struct addr){ .len = sizeof(from.ss) };
	WANT(4, recvfrom(client, text, sizeof(text), MSG_ERRQUEUE, &from.sa, &from.len));
	IS("127.0.0.1:4150", show(&from));
	return 0;
}
