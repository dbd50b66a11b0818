/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets, by path, by abstract name, autobound, unnamed, stream and datagram, are left as
 * they are (sandlock#121).
 */
#include "t.h"

static socklen_t un(struct addr *a, const char *name, bool abstract)
{
	*a = (struct addr){ .un.sun_family = AF_UNIX };
	strcpy(a->un.sun_path + abstract, name);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1);
	return a->len;
}

static void same_name(int fd, const struct addr *want, bool peer)
{
	struct addr got = { .len = sizeof(got.ss) };

	WANT(0, (peer ? getpeername : getsockname)(fd, &got.sa, &got.len));
	EQ(want->len, got.len);
	EQ(0, memcmp(&want->un, &got.un, got.len));
}

static void stream(const struct addr *there)
{
	int server = FD(socket(AF_UNIX, SOCK_STREAM, 0)),
	    client = FD(socket(AF_UNIX, SOCK_STREAM, 0)), served;
	struct addr from = { .len = sizeof(from.ss) };

	FAILS(there->un.sun_path[0] ? ENOENT : ECONNREFUSED,
	      connect(client, &there->sa, there->len));
	WANT(0, bind(server, &there->sa, there->len));
	WANT(0, listen(server, 5));
	FAILS(EADDRINUSE, bind(socket(AF_UNIX, SOCK_STREAM, 0), &there->sa, there->len));
	WANT(0, connect(client, &there->sa, there->len));
	served = FD(accept(server, &from.sa, &from.len));
	EQ(2, from.len);
	same_name(server, there, false);
	same_name(client, there, true);
	pass_byte(client, served, 'u');
}

static void datagram(const struct addr *there)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server = FD(socket(AF_UNIX, SOCK_DGRAM, 0)),
	    client = FD(socket(AF_UNIX, SOCK_DGRAM, 0));
	struct iovec data = { (char *)"dg", 2 };
	struct msghdr m = { .msg_name = (void *)(uintptr_t)&there->sa,
		            .msg_namelen = there->len,
		            .msg_iov = &data,
		            .msg_iovlen = 1 };

	WANT(0, bind(server, &there->sa, there->len));
	WANT(0, bind(client, &(struct sockaddr){ .sa_family = AF_UNIX }, 2));
	WANT(2, sendto(client, "dg", 2, 0, &there->sa, there->len));
	WANT(2, recvfrom(server, (char[4]){ 0 }, 4, 0, &from.sa, &from.len));
	EQ(8, from.len); /* an autobound name: \0 and five hexadecimal digits */
	WANT(2, sendto(server, "ok", 2, 0, &from.sa, from.len));
	WANT(2, recv(client, (char[4]){ 0 }, 4, 0));
	WANT(2, sendmsg(client, &m, 0));
	WANT(0, connect(client, &there->sa, there->len));
	FAILS(EPERM, connect(socket(AF_UNIX, SOCK_DGRAM, 0), &from.sa, from.len));
}

int main(void)
{
	char dir[] = "/tmp/unix-XXXXXX", path[64], name[64];
	struct addr a;
	int pair[2];

	if (!mkdtemp(dir))
		FAIL("mkdtemp: %s", err_name(errno));
	snprintf(path, sizeof(path), "%s/s", dir);
	un(&a, path, false);
	stream(&a);
	WANT(0, unlink(path));
	datagram(&a);
	WANT(0, unlink(path));
	WANT(0, rmdir(dir));
	snprintf(name, sizeof(name), "unix-%09d", getpid());
	un(&a, name, true);
	stream(&a);
	un(&a, strcat(name, "d"), true);
	datagram(&a);
	WANT(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	pass_byte(pair[0], pair[1], 's');
	a.len = sizeof(a.ss);
	WANT(0, getpeername(pair[0], &a.sa, &a.len));
	EQ(2, a.len);
	a = (struct addr){ 0 };
	a.un.sun_family = AF_UNIX;
	FAILS(EINVAL, bind(socket(AF_UNIX, SOCK_STREAM, 0), &a.sa, sizeof(a.un) + 1));
	FAILS(EINVAL, connect(socket(AF_UNIX, SOCK_STREAM, 0), &a.sa, 1));
	return 0;
}
