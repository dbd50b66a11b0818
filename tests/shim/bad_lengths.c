/* SPDX-License-Identifier: MIT */
/*
 * Address lengths that are short, zero, negative, huge or simply larger than needed: the kernel's
 * answer each time.
 */
#include "t.h"

enum { PORT = 4540 };

static void odd_lengths(const char *host)
{
	struct addr a = addr(host, PORT);
	int type[2] = { SOCK_STREAM, SOCK_DGRAM };

	for (int i = 0; i < 2; i++) {
		int fd = socket_for(host, type[i]);

		say("%s %s\n", host, i ? "UDP" : "TCP");
		FAILS(EINVAL, bind(fd, &a.sa, 0));
		FAILS(EINVAL, bind(fd, &a.sa, 1));
		FAILS(EINVAL, bind(fd, &a.sa, 2));
		FAILS(EINVAL, bind(fd, &a.sa, 4));
		FAILS(EINVAL, bind(fd, &a.sa, 15));
		FAILS(EINVAL, bind(fd, &a.sa, (socklen_t)-1));
		FAILS(EINVAL, bind(fd, &a.sa, 129));
		FAILS(EINVAL, bind(fd, &a.sa, 1 << 30));
		FAILS(EINVAL, connect(fd, &a.sa, 0));
		FAILS(EINVAL, connect(fd, &a.sa, 1));
		FAILS(EINVAL, connect(fd, &a.sa, 4));
		FAILS(EINVAL, connect(fd, &a.sa, 15));
		FAILS(EINVAL, connect(fd, &a.sa, (socklen_t)-1));
		FAILS(EINVAL, connect(fd, &a.sa, 129));
		close(fd);
	}
	type[0] = socket_for(host, SOCK_DGRAM);
	FAILS(EINVAL, sendto(type[0], "x", 1, 0, &a.sa, 4));
	FAILS(EINVAL, sendto(type[0], "x", 1, 0, &a.sa, 15));
	FAILS(EINVAL, sendto(type[0], "x", 1, 0, &a.sa, (socklen_t)-1));
	FAILS(EINVAL, sendto(type[0], "x", 1, 0, &a.sa, 129));
	FAILS(EBADF, bind(-1, &a.sa, a.len));
	FAILS(ENOTSOCK, bind(STDOUT_FILENO, &a.sa, a.len));
	FAILS(EBADF, connect(9999, &a.sa, a.len));
	FAILS(ENOTSOCK, connect(STDOUT_FILENO, &a.sa, a.len));
}

/* what nodejs and others do: a whole sockaddr_storage for an IPv4 address */
static void whole_storage(const char *host, const char *name)
{
	struct addr a = addr(host, PORT + 1), from = { .len = sizeof(from.ss) };
	int server = socket_for(host, SOCK_STREAM), client = socket_for(host, SOCK_STREAM);
	int udp = socket_for(host, SOCK_DGRAM);

	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind(server, &a.sa, sizeof(a.ss)));
	WANT(0, listen(server, 5));
	IS(name, name_of(server));
	WANT(0, connect(client, &a.sa, sizeof(a.ss)));
	IS(name, peer_of(client));
	WANT(0, bind(udp, &a.sa, sizeof(a.ss)));
	WANT(1, sendto(udp, "x", 1, 0, &a.sa, sizeof(a.ss)));
	WANT(1, recvfrom(udp, &(char){ 0 }, 1, 0, &from.sa, &from.len));
	IS(name, show(&from));
	close(server);
	close(client);
	close(udp);
}

int main(void)
{
	odd_lengths("127.0.0.1");
	whole_storage("127.0.0.1", "127.0.0.1:4541");
	if (have_ipv6()) {
		struct addr a = addr("::1", PORT + 2);
		int server = socket_for("::1", SOCK_STREAM);

		odd_lengths("::1");
		whole_storage("::1", "[::1]:4541");
		/* RFC 2133's sockaddr_in6 has no scope id: 24 bytes are enough, 23 are not */
		set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
		FAILS(EINVAL, bind(server, &a.sa, 23));
		WANT(0, bind(server, &a.sa, 24));
		WANT(0, listen(server, 5));
		IS("[::1]:4542", name_of(server));
		WANT(0, connect(socket_for("::1", SOCK_STREAM), &a.sa, 24));
	}
	return 0;
}
