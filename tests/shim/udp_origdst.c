/* SPDX-License-Identifier: MIT */
/*
 * IP_RECVORIGDSTADDR, which proxies and DNS servers ask for: the address that a datagram was sent
 * to, in the control data of recvmsg and recvmmsg, beside other control data, and cut off.
 */
#include "t.h"

enum { PORT = 5150 };

static void send_to(struct addr *to)
{
	int client = socket_for(show(to)[0] == '[' ? "::1" : "127.0.0.1", SOCK_DGRAM);

	MUST(sendto(client, "x", 1, 0, &to->sa, to->len));
	close(client);
}

static void show_control(struct msghdr *m)
{
	for (struct cmsghdr *at = CMSG_FIRSTHDR(m); at; at = CMSG_NXTHDR(m, at)) {
		struct addr seen = { .len = (socklen_t)(at->cmsg_len - CMSG_LEN(0)) };

		if (at->cmsg_type == IP_ORIGDSTADDR || at->cmsg_type == IPV6_ORIGDSTADDR) {
			memcpy(&seen.ss, CMSG_DATA(at), seen.len);
			IS(seen.len == sizeof(seen.in6) ? "[::1]:5151" : "127.0.0.1:5150",
			   show(&seen));
		} else {
			say("level %d, type %d, %u bytes\n", at->cmsg_level, at->cmsg_type,
			    seen.len);
		}
	}
}

static void receive(int server, struct addr *to, size_t space)
{
	_Alignas(struct cmsghdr) char control[256] = "";
	char byte;
	struct iovec data = { &byte, 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &data,
		                          .msg_iovlen = 1,
		                          .msg_control = control,
		                          .msg_controllen = space } };

	send_to(to);
	WANT(1, recvmsg(server, &m.msg_hdr, 0));
	EQ(space == sizeof(control) ? 0 : MSG_CTRUNC, m.msg_hdr.msg_flags);
	if (space < sizeof(control)) {
		say("%zu bytes of control data\n", m.msg_hdr.msg_controllen);
		return;
	}
	show_control(&m.msg_hdr);
	m.msg_hdr.msg_controllen = space;
	send_to(to);
	WANT(1, recvmmsg(server, &m, 1, 0, NULL));
	show_control(&m.msg_hdr);
}

int main(void)
{
	struct addr four = addr("127.0.0.1", PORT), six = addr("::1", PORT + 1);
	int server = FD(udp_on("127.0.0.1", PORT));

	set_option(server, IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
	set_option(server, IPPROTO_IP, IP_RECVTTL, 1);
	receive(server, &four, 256);
	receive(server, &four, 0);
	receive(server, &four, 8);
	receive(server, &four, CMSG_SPACE(sizeof(int)) + 20);
	if (!have_ipv6())
		return 0;
	server = FD(udp_on("::1", PORT + 1));
	set_option(server, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1);
	receive(server, &six, 256);
	return 0;
}
