/* SPDX-License-Identifier: MIT */
/* IPv6 TCP: round trip over ::1, accept4 with flags, and all names. */
#include "t.h"

enum { PORT = 4010 };

int main(void)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server, client, served;

	need_ipv6();
	server = FD(socket(AF_INET6, SOCK_STREAM, 0));
	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(server, "::1", PORT));
	WANT(0, listen(server, 5));
	IS("[::1]:4010", name_of(server));
	client = FD(client_of("::1", PORT));
	IS("[::1]:4010", peer_of(client));
	served = FD(accept4(server, &from.sa, &from.len, SOCK_CLOEXEC | SOCK_NONBLOCK));
	EQ(sizeof(from.in6), from.len);
	IS("[::1]:4010", name_of(served));
	EQ(strcmp(show(&from), name_of(client)), 0);
	EQ(strcmp(show(&from), peer_of(served)), 0);
	EQ(FD_CLOEXEC, fcntl(served, F_GETFD));
	EQ(O_NONBLOCK, fcntl(served, F_GETFL) & O_NONBLOCK);
	pass_byte(served, client, 'y');
	return 0;
}
