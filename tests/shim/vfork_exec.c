/* SPDX-License-Identifier: MIT */
/*
 * vfork and exec, fifty times, between connections of the parent: the child binds and connects, the
 * parent is unharmed.
 */
#include "t.h"

enum { PORT = 4250, TIMES = 50 };

int main(int argc, char **argv)
{
	const char *path = self_path();
	int server, client, served;
	pid_t pid;

	if (argc > 1) {
		serve_and_connect("127.0.0.1", PORT + 1);
		client = (int)MUST(client_of("127.0.0.1", PORT));
		MUST(write(client, "v", 1));
		return 0;
	}
	server = FD(listen_on("127.0.0.1", PORT));
	MUST(fcntl(server, F_SETFD, FD_CLOEXEC));
	for (int i = 0; i < TIMES; i++) {
		pid = vfork();
		if (!pid) {
			execl(path, argv[0], "child", NULL);
			_exit(1);
		}
		char byte = 0;

		served = (int)MUST(accept(server, NULL, NULL));
		if (MUST(read(served, &byte, 1)) != 1 || byte != 'v')
			FAIL("want 'v'; got '%c'", byte);
		close(served);
		reap(pid);
	}
	say("%d children\n", TIMES);
	IS("127.0.0.1:4250", name_of(server));
	return 0;
}
