/* SPDX-License-Identifier: MIT */
/*
 * Bug 2: a connect before the own bind reaches the neighbour (sandlock): a client that waits for
 * its server is refused until the server is there, and then gets its own server's word.
 */
#include "t.h"

enum { PORT = 4480 };

int main(void)
{
	int client, server, served, ready[2];
	pid_t mine = getpid(), told = 0;
	pid_t pid;

	for (int i = 0; i < 5; i++)
		FAILS(ECONNREFUSED, client_of("127.0.0.1", PORT));
	server = FD(listen_on("127.0.0.1", PORT));
	client = FD(client_of("127.0.0.1", PORT));
	IS("127.0.0.1:4480", peer_of(client));
	served = FD(accept(server, NULL, NULL));
	MUST(write(served, &mine, sizeof(mine)));
	MUST(read(client, &told, sizeof(told)));
	EQ(1, told == mine);

	/* the usual loop of a harness: try until the port is open; the server is another process */
	MUST(pipe2(ready, O_CLOEXEC));
	pid = (pid_t)MUST(fork());
	if (!pid) {
		char byte;

		MUST(read(ready[0], &byte, 1));
		server = listen_on("127.0.0.1", PORT + 1);
		served = (int)MUST(accept(server, NULL, NULL));
		mine = getpid();
		MUST(write(served, &mine, sizeof(mine)));
		_exit(0);
	}
	FAILS(ECONNREFUSED, client_of("127.0.0.1", PORT + 1));
	MUST(write(ready[1], "g", 1));
	for (int tries = 0; (client = client_of("127.0.0.1", PORT + 1)) < 0; tries++) {
		if (tries == 5000 || errno != ECONNREFUSED)
			FAIL("want a server in time; got %s", err_name(errno));
		poll(NULL, 0, 1);
	}
	MUST(read(client, &told, sizeof(told)));
	EQ(1, told == pid);
	reap(pid);
	return 0;
}
