/* SPDX-License-Identifier: MIT */
/*
 * Who sends from an abstract socket name is known by it: in accept, recvfrom, recvmsg and recvmmsg;
 * and all sends reach a name: sendto, sendmsg, sendmmsg and a connected datagram socket.
 */
#include "t.h"

static const struct addr server_name = { .un = { AF_UNIX, "\0abstract-server" }, .len = 18 };
static const struct addr client_name = { .un = { AF_UNIX, "\0abstract-client" }, .len = 18 };
static char text[8];
static struct iovec data = { text, 2 };

static void is_name(const struct addr *want, const void *got, socklen_t len)
{
	EQ(want->len, len);
	EQ(0, memcmp(&want->un, got, len));
}

static int bound(int type, const struct addr *name)
{
	int fd = FD(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));

	WANT(0, bind(fd, &name->sa, name->len));
	return fd;
}

static void stream(int flags)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server = bound(SOCK_STREAM, &server_name), client = bound(SOCK_STREAM, &client_name);

	WANT(0, listen(server, 1));
	WANT(0, connect(client, &server_name.sa, server_name.len));
	FD(flags ? accept4(server, &from.sa, &from.len, flags)
	         : accept(server, &from.sa, &from.len));
	is_name(&client_name, &from.un, from.len);
	close(server);
	close(client);
}

/* A short buffer: the true length, and what fits. */
static void stream_cut(socklen_t space)
{
	struct addr from = { .len = space };
	int server = bound(SOCK_STREAM, &server_name), client = bound(SOCK_STREAM, &client_name);

	WANT(0, listen(server, 1));
	WANT(0, connect(client, &server_name.sa, server_name.len));
	FD(accept(server, &from.sa, &from.len));
	EQ(client_name.len, from.len);
	EQ(0, memcmp(&client_name.un, &from.un, space));
	EQ(0, from.un.sun_path[space]);
	close(server);
	close(client);
}

static void receive(int fd, const struct addr *sender)
{
	struct addr from = { .len = sizeof(from.ss) };
	struct mmsghdr message = { .msg_hdr = { .msg_name = &from.ss,
		                                .msg_namelen = sizeof(from.ss),
		                                .msg_iov = &data,
		                                .msg_iovlen = 1 } };

	WANT(2, recvfrom(fd, text, sizeof(text), 0, &from.sa, &from.len));
	is_name(sender, &from.un, from.len);
	WANT(2, recvmsg(fd, &message.msg_hdr, 0));
	is_name(sender, &from.un, message.msg_hdr.msg_namelen);
	message.msg_hdr.msg_namelen = sizeof(from.ss);
	WANT(1, recvmmsg(fd, &message, 1, 0, NULL));
	is_name(sender, &from.un, message.msg_hdr.msg_namelen);
}

static void send_all(int fd, const struct addr *to)
{
	struct mmsghdr message = { .msg_hdr = { .msg_name = (void *)(uintptr_t)&to->un,
		                                .msg_namelen = to->len,
		                                .msg_iov = &data,
		                                .msg_iovlen = 1 } };

	WANT(2, sendto(fd, "to", 2, 0, &to->sa, to->len));
	WANT(2, sendmsg(fd, &message.msg_hdr, 0));
	WANT(1, sendmmsg(fd, &message, 1, 0));
	EQ(2, message.msg_len);
}

int main(void)
{
	struct addr none = { .un.sun_family = AF_UNIX, .len = sizeof(sa_family_t) };
	int server, client, unnamed;

	stream(0);
	stream(SOCK_CLOEXEC);
	stream_cut(0);
	stream_cut(5);
	stream_cut(17);
	server = bound(SOCK_DGRAM, &server_name);
	client = bound(SOCK_DGRAM, &client_name);
	unnamed = FD(socket(AF_UNIX, SOCK_DGRAM, 0));
	send_all(client, &server_name);
	receive(server, &client_name);
	send_all(server, &client_name);
	receive(client, &server_name);
	WANT(0, connect(unnamed, &server_name.sa, server_name.len));
	WANT(2, send(unnamed, "cn", 2, 0));
	WANT(2, recvfrom(server, text, sizeof(text), 0, &none.sa, &none.len));
	EQ(0, none.len);
	close(server);
	FAILS(ECONNREFUSED, sendto(client, "no", 2, 0, &server_name.sa, server_name.len));
	return 0;
}
