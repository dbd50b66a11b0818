/* SPDX-License-Identifier: MIT */
/* Bug 7: accept that returns descriptor 0 is taken for a failure (ip2unix 2.2.2). */
#include "t.h"

enum { PORT = 4590 };

int main(void)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server = FD(listen_on("127.0.0.1", PORT)), client = FD(client_of("127.0.0.1", PORT));

	close(0);
	WANT(0, accept(server, &from.sa, &from.len));
	EQ(0, strcmp(show(&from), name_of(client)));
	IS("127.0.0.1:4590", name_of(0));
	pass_byte(client, 0, '0');
	close(0);
	client = FD(client_of("127.0.0.1", PORT));
	if (client != 0)
		client = dup2(client, 10), close(0);
	else
		client = fcntl(0, F_DUPFD, 10), close(0);
	WANT(0, accept4(server, NULL, NULL, SOCK_CLOEXEC));
	pass_byte(client, 0, '1');
	/* a socket that is descriptor 0 binds and connects as well */
	close(0);
	WANT(0, socket(AF_INET, SOCK_STREAM, 0));
	WANT(0, connect_to(0, "127.0.0.1", PORT));
	IS("127.0.0.1:4590", peer_of(0));
	return 0;
}
