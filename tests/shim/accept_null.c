/* SPDX-License-Identifier: MIT */
/*
 * Bug 6: accept(fd, NULL, NULL) or a NULL length crashes (ip2unix ab25ef5, torsocks 67d9b1a, Debian
 * 811266): every mix of NULLs.
 */
#include "t.h"

enum { PORT = 4560 };

static int knock(void)
{
	return (int)MUST(client_of("127.0.0.1", PORT));
}

int main(void)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server = FD(listen_on("127.0.0.1", PORT)), served, client = knock();

	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'n');
	/* without an address the length is not even looked at */
	client = knock();
	served = FD(accept(server, NULL, &from.len));
	EQ(sizeof(from.ss), from.len);
	client = knock();
	served = FD(accept4(server, NULL, (socklen_t *)-1, SOCK_NONBLOCK));
	EQ(O_NONBLOCK, fcntl(served, F_GETFL) & O_NONBLOCK);
	client = knock();
	FAILS(EFAULT, accept(server, &from.sa, NULL));
	FAILS(EINVAL, accept4(server, NULL, NULL, 0x55));
	FAILS(EFAULT, getsockname(server, NULL, NULL));
	FAILS(EFAULT, getpeername(client, NULL, NULL));
	FAILS(EFAULT, getsockname(server, &from.sa, NULL));
	FAILS(EFAULT, getsockname(server, NULL, &from.len));
	FAILS(EINVAL, accept(socket_for("127.0.0.1", SOCK_STREAM), NULL, NULL));
	FAILS(EOPNOTSUPP, accept(socket_for("127.0.0.1", SOCK_DGRAM), NULL, NULL));
	FAILS(EBADF, accept(-1, NULL, NULL));
	return 0;
}
