/* SPDX-License-Identifier: MIT */
/*
 * dup, dup2, dup3, F_DUPFD and F_DUPFD_CLOEXEC: every copy has the same names and works after the
 * original is closed.
 */
#include "t.h"

enum { PORT = 4190 };

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT)), copies[5], client, served;

	copies[0] = FD(dup(server));
	WANT(100, dup2(server, 100));
	WANT(101, dup3(server, 101, O_CLOEXEC));
	WANT(102, fcntl(server, F_DUPFD, 102));
	WANT(103, fcntl(server, F_DUPFD_CLOEXEC, 103));
	WANT(100, dup2(100, 100));
	FAILS(EINVAL, dup3(100, 100, O_CLOEXEC));
	for (int i = 1; i < 5; i++)
		copies[i] = 99 + i;
	WANT(0, close(server));
	for (int i = 0; i < 5; i++) {
		IS("127.0.0.1:4190", name_of(copies[i]));
		client = FD(client_of("127.0.0.1", PORT));
		served = FD(accept(copies[i], NULL, NULL));
		WANT(104, dup2(client, 104));
		close(client);
		IS("127.0.0.1:4190", peer_of(104));
		pass_byte(104, served, 'd');
		close(104);
		close(served);
		if (i < 4)
			close(copies[i]);
	}
	/* a descriptor number that was a listener becomes something else */
	WANT(103, dup2((int)MUST(socket(AF_UNIX, SOCK_STREAM, 0)), 103));
	FAILS(ECONNREFUSED, client_of("127.0.0.1", PORT));
	round_trip("127.0.0.1", PORT);
	return 0;
}
