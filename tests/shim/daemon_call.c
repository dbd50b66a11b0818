/* SPDX-License-Identifier: MIT */
/*
 * A daemon: two forks, a session of its own, / as its directory, /dev/null for its streams; it
 * serves a hardcoded port and stops on request.
 */
#include "t.h"

enum { PORT = 4860 };

static void serve(int ready)
{
	int server, served;
	char byte;

	MUST(daemon(0, 0));
	server = listen_on("127.0.0.1", PORT);
	MUST(write(ready, "r", 1));
	served = (int)MUST(accept(server, NULL, NULL));
	MUST(read(served, &byte, 1));
	byte++;
	MUST(write(served, &byte, 1));
	_exit(0);
}

int main(void)
{
	int ready[2], client;
	char byte;
	pid_t pid;

	MUST(pipe2(ready, O_CLOEXEC));
	pid = (pid_t)MUST(fork());
	if (!pid)
		serve(ready[1]);
	reap(pid);
	close(ready[1]);
	WANT(1, read(ready[0], &byte, 1));
	client = FD(client_of("127.0.0.1", PORT));
	WANT(1, write(client, "d", 1));
	WANT(1, read(client, &byte, 1));
	EQ('e', byte);
	/* the pipe closes when the daemon is gone */
	WANT(0, read(ready[0], &byte, 1));
	FAILS(ECONNREFUSED, client_of("127.0.0.1", PORT));
	return 0;
}
