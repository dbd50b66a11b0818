/* SPDX-License-Identifier: MIT */
/*
 * A listener inherited over fork: the child accepts on the parent's socket, a grandchild binds a
 * port of its own that all can reach.
 */
#include "t.h"

enum { PORT = 4230 };

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT)), client, served, ready[2];
	char byte;
	pid_t pid;

	MUST(pipe2(ready, O_CLOEXEC));
	pid = (pid_t)MUST(fork());
	if (!pid) {
		pid_t inner = (pid_t)MUST(fork());

		if (!inner) {
			int other = listen_on("127.0.0.1", PORT + 1);

			MUST(write(ready[1], "r", 1));
			served = (int)MUST(accept(other, NULL, NULL));
			MUST(write(served, "g", 1));
			_exit(strcmp(name_of(served), "127.0.0.1:4231") ? 1 : 0);
		}
		served = (int)MUST(accept(server, NULL, NULL));
		MUST(write(served, "c", 1));
		reap(inner);
		_exit(strcmp(name_of(server), "127.0.0.1:4230") ? 1 : 0);
	}
	client = FD(client_of("127.0.0.1", PORT));
	WANT(1, read(client, &byte, 1));
	EQ('c', byte);
	WANT(1, read(ready[0], &byte, 1));
	client = FD(client_of("127.0.0.1", PORT + 1));
	IS("127.0.0.1:4231", peer_of(client));
	WANT(1, read(client, &byte, 1));
	EQ('g', byte);
	reap(pid);
	return 0;
}
