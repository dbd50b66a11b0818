/* SPDX-License-Identifier: MIT */
/*
 * Netlink sockets are left as they are: a name with bytes of a port where IPv4 has one, a dump of
 * the links.
 */
#include "t.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

enum { PORT = 4700 };

int main(void)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} ask = {
		{ sizeof(ask), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7, 0 },
		{ AF_UNSPEC },
	};
	struct sockaddr_nl name = { .nl_family = AF_NETLINK,
		                    .nl_pad = htons(PORT),
		                    .nl_pid = (unsigned)getpid() };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK }, from;
	socklen_t len = sizeof(name);
	int fd = FD(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	static char answer[65536];

	FD(listen_on("127.0.0.1", PORT));
	WANT(0, bind(fd, (struct sockaddr *)&name, sizeof(name)));
	WANT(0, getsockname(fd, (struct sockaddr *)&name, &len));
	EQ(sizeof(name), len);
	EQ(1, name.nl_pid == (unsigned)getpid());
	WANT(sizeof(ask),
	     sendto(fd, &ask, sizeof(ask), 0, (struct sockaddr *)&kernel, sizeof(kernel)));
	len = sizeof(from);
	EQ(1, recvfrom(fd, answer, sizeof(answer), 0, (struct sockaddr *)&from, &len) > 16);
	EQ(AF_NETLINK, from.nl_family);
	EQ(0, from.nl_pid);
	EQ(RTM_NEWLINK, ((struct nlmsghdr *)(void *)answer)->nlmsg_type);
	WANT(0, connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)));
	return 0;
}
