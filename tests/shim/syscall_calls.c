/* SPDX-License-Identifier: MIT */
/*
 * Bug 16: the calls made through syscall(), as libuv makes accept4 (mirrord#757), give what the
 * libc functions give.
 */
#include "t.h"
#include <sys/syscall.h>

enum { PORT = 4640 };

static void tcp(void)
{
	struct addr there = addr("127.0.0.1", PORT), from = { .len = sizeof(from.ss) };
	int server = FD(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0)), client, served;

	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, syscall(SYS_bind, server, &there.sa, there.len));
	WANT(0, syscall(SYS_listen, server, 5));
	client = FD(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
	WANT(0, syscall(SYS_connect, client, &there.sa, there.len));
	WANT(0, syscall(SYS_getpeername, client, &from.sa, &from.len));
	IS("127.0.0.1:4640", show(&from));
	from = (struct addr){ .len = sizeof(from.ss) };
	served = FD(syscall(SYS_accept4, server, &from.sa, &from.len, SOCK_CLOEXEC));
	EQ(0, strcmp(show(&from), name_of(client)));
	WANT(0, syscall(SYS_getsockname, served, &from.sa, &from.len));
	IS("127.0.0.1:4640", show(&from));
	pass_byte(client, served, 's');
	client = FD(client_of("127.0.0.1", PORT));
#ifdef SYS_accept
	served = FD(syscall(SYS_accept, server, NULL, NULL));
#else
	served = FD(syscall(SYS_accept4, server, NULL, NULL, 0));
#endif
	pass_byte(client, served, 't');
	IS("127.0.0.1:4640", name_of(server));
	FAILS(EADDRINUSE,
	      syscall(SYS_bind, socket_for("127.0.0.1", SOCK_STREAM), &there.sa, there.len));
	FAILS(EFAULT, syscall(SYS_bind, server, NULL, there.len));
}

static void udp(void)
{
	struct addr there = addr("127.0.0.1", PORT), from = { .len = sizeof(from.ss) };
	int server = FD(udp_on("127.0.0.1", PORT)), client = FD(udp_on("127.0.0.1", PORT + 1));
	char byte = 'x';
	struct iovec data = { &byte, 1 };
	struct msghdr out = {
		.msg_name = &there.sa, .msg_namelen = there.len, .msg_iov = &data, .msg_iovlen = 1
	};
	struct msghdr in = { .msg_name = &from.ss,
		             .msg_namelen = sizeof(from.ss),
		             .msg_iov = &data,
		             .msg_iovlen = 1 };
	struct mmsghdr out2[2] = { { .msg_hdr = out }, { .msg_hdr = out } };
	struct mmsghdr in2[2] = { { .msg_hdr = in }, { .msg_hdr = in } };

	WANT(1, syscall(SYS_sendto, client, &byte, 1, 0, &there.sa, there.len));
	WANT(1, syscall(SYS_recvfrom, server, &byte, 1, 0, &from.sa, &from.len));
	IS("127.0.0.1:4641", show(&from));
	WANT(1, syscall(SYS_sendmsg, client, &out, 0));
	from = (struct addr){ 0 };
	WANT(1, syscall(SYS_recvmsg, server, &in, 0));
	from.len = in.msg_namelen;
	IS("127.0.0.1:4641", show(&from));
	WANT(2, syscall(SYS_sendmmsg, client, out2, 2, 0));
	from = (struct addr){ 0 };
	WANT(2, syscall(SYS_recvmmsg, server, in2, 2, 0, NULL));
	from.len = in2[1].msg_hdr.msg_namelen;
	IS("127.0.0.1:4641", show(&from));
}

int main(void)
{
	tcp();
	udp();
	return 0;
}
