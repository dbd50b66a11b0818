/* SPDX-License-Identifier: MIT */
/* sendmsg and recvmsg: name, gathered data, control data and flags all as the kernel gives them. */
#include "t.h"

enum { PORT = 4100 };

int main(void)
{
	struct addr to = addr("127.0.0.1", PORT), from = { 0 };
	char head[4], tail[16], control[128];
	struct iovec out[2] = { { (char *)"head", 4 }, { (char *)"tail", 4 } };
	struct iovec in[2] = { { head, sizeof(head) }, { tail, sizeof(tail) } };
	struct msghdr m = {
		.msg_name = &to.sa, .msg_namelen = to.len, .msg_iov = out, .msg_iovlen = 2
	};
	int server = FD(udp_on("127.0.0.1", PORT)), client = FD(udp_on("127.0.0.1", PORT + 1));
	struct cmsghdr *c;
	struct in_pktinfo info;

	set_option(server, IPPROTO_IP, IP_PKTINFO, 1);
	WANT(8, sendmsg(client, &m, 0));
	EQ(1, m.msg_name == &to.sa && m.msg_namelen == to.len && m.msg_iov == out &&
	              m.msg_iovlen == 2);
	IS("127.0.0.1:4100", show(&to));

	m = (struct msghdr){ .msg_name = &from.ss,
		             .msg_namelen = sizeof(from.ss),
		             .msg_iov = in,
		             .msg_iovlen = 2,
		             .msg_control = control,
		             .msg_controllen = sizeof(control) };
	WANT(8, recvmsg(server, &m, 0));
	from.len = m.msg_namelen;
	IS("127.0.0.1:4101", show(&from));
	EQ(0, memcmp(head, "head", 4) || memcmp(tail, "tail", 4));
	EQ(0, m.msg_flags);
	c = CMSG_FIRSTHDR(&m);
	EQ(1, c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO);
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	IS("127.0.0.1", inet_ntoa(info.ipi_addr));

	/* no name wanted, no name given back */
	m = (struct msghdr){
		.msg_name = &to.sa, .msg_namelen = to.len, .msg_iov = out, .msg_iovlen = 2
	};
	WANT(8, sendmsg(client, &m, MSG_DONTWAIT));
	m = (struct msghdr){ .msg_name = NULL, .msg_namelen = 99, .msg_iov = in, .msg_iovlen = 2 };
	WANT(8, recvmsg(server, &m, 0));
	EQ(99, m.msg_namelen);

	/* on a connected socket without a name; the receiver's short buffer cuts and says so */
	WANT(0, connect_to(client, "127.0.0.1", PORT));
	m = (struct msghdr){ .msg_iov = out, .msg_iovlen = 2 };
	WANT(8, sendmsg(client, &m, 0));
	m = (struct msghdr){
		.msg_name = &from.ss, .msg_namelen = sizeof(from.ss), .msg_iov = in, .msg_iovlen = 1
	};
	WANT(4, recvmsg(server, &m, 0));
	EQ(MSG_TRUNC | MSG_CTRUNC, m.msg_flags);
	from.len = m.msg_namelen;
	IS("127.0.0.1:4101", show(&from));
	FAILS(EAGAIN, recvmsg(server, &m, MSG_DONTWAIT));
	return 0;
}
