/* SPDX-License-Identifier: MIT */
/*
 * Bug 14 again, the daemon's way: close every possible descriptor in a loop, stdin, stdout and
 * stderr too, then use sockets.
 */
#include "t.h"

enum { PORT = 4210 };

int main(void)
{
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 400),
	    err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 400);
	int server, client, served;

	for (int fd = 0; fd < 400; fd++)
		close(fd);
	server = socket(AF_INET, SOCK_STREAM, 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	served = socket(AF_INET, SOCK_STREAM, 0);
	/* stderr's number is a socket now: a shim that logs there would break the stream */
	if (server != 0 || client != 1 || served != 2 || dup2(out, 300) != 300 ||
	    dup2(err, 301) != 301)
		_exit(1);
	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind_to(server, "127.0.0.1", PORT) || listen(server, 5) ||
	    connect_to(client, "127.0.0.1", PORT))
		_exit(1);
	if (close(served) || accept(server, NULL, NULL) != 2)
		_exit(1);
	pass_byte(1, 2, 'c');
	pass_byte(2, 1, 'd');
	if (strcmp(peer_of(1), "127.0.0.1:4210") || strcmp(name_of(2), "127.0.0.1:4210"))
		_exit(1);
	if (recv(1, &out, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
		_exit(1);
	dup2(301, STDERR_FILENO);
	dup2(300, STDOUT_FILENO);
	say("sockets 0, 1 and 2 met at port %d\n", PORT);
	return 0;
}
