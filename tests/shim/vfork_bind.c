/* SPDX-License-Identifier: MIT */
/*
 * Bug 11: a vfork or CLONE_VM child runs hook code that locks or writes (mirrord#2988, #3154,
 * #3465): a vfork child binds, connects and asks for names, then exits; the parent's memory, errno
 * and sockets are as they were.
 */
#include "t.h"

enum { PORT = 4260, TIMES = 20 };

int main(void)
{
	struct addr there = addr("127.0.0.1", PORT + 1), name = { 0 };
	int server = FD(listen_on("127.0.0.1", PORT)), sockets[2], client, served;
	volatile int result = -1;
	pid_t pid;

	for (int i = 0; i < TIMES; i++) {
		sockets[0] = (int)MUST(socket(AF_INET, SOCK_STREAM, 0));
		sockets[1] = (int)MUST(socket(AF_INET, SOCK_STREAM, 0));
		set_option(sockets[0], SOL_SOCKET, SO_REUSEADDR, 1);
		errno = ERRNO_BEFORE;
		pid = vfork();
		if (!pid) {
			name.len = sizeof(name.ss);
			result = bind(sockets[0], &there.sa, there.len) || listen(sockets[0], 1) ||
			         connect(sockets[1], &there.sa, there.len) ||
			         getpeername(sockets[1], &name.sa, &name.len);
			_exit(0);
		}
		if (errno != ERRNO_BEFORE)
			FAIL("errno after vfork: want untouched; got %s", err_name(errno));
		reap(pid);
		if (result || strcmp(show(&name), "127.0.0.1:4261") ||
		    strcmp(name_of(sockets[0]), "127.0.0.1:4261"))
			FAIL("child %d: result %d, peer %s, name %s", i, result, show(&name),
			     name_of(sockets[0]));
		served = (int)MUST(accept(sockets[0], NULL, NULL));
		pass_byte(sockets[1], served, 'v');
		close(served);
		close(sockets[0]);
		close(sockets[1]);
	}
	say("%d vfork children bound and connected\n", TIMES);
	client = FD(client_of("127.0.0.1", PORT));
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'p');
	return 0;
}
