/* SPDX-License-Identifier: MIT */
/*
 * Eight threads, each with a server and a client on a port of its own and a client of a common
 * server: every byte and name is right.
 */
#include "t.h"
#include <pthread.h>

enum { PORT = 4350, THREADS = 8, ROUNDS = 60 };

static int common;

static void *serve_common(void *unused)
{
	char byte;

	for (int i = 0; i < THREADS * ROUNDS; i++) {
		struct addr from = { .len = sizeof(from.ss) };
		int served = (int)MUST(accept(common, &from.sa, &from.len));

		if (strcmp(name_of(served), "127.0.0.1:4350") ||
		    strcmp(peer_of(served), show(&from)))
			FAIL("accepted %s from %s", name_of(served), peer_of(served));
		MUST(read(served, &byte, 1));
		byte ^= 0x20;
		MUST(write(served, &byte, 1));
		close(served);
	}
	return unused;
}

static void *work(void *number)
{
	int port = PORT + 1 + (int)(intptr_t)number;
	char sent = (char)('A' + (intptr_t)number), got = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int client;

		serve_and_connect("127.0.0.1", port);
		client = (int)MUST(client_of("127.0.0.1", PORT));
		MUST(write(client, &sent, 1));
		if (MUST(read(client, &got, 1)) != 1 || got != (sent ^ 0x20))
			FAIL("thread %c got %c", sent, got);
		close(client);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS], server;

	common = FD(listen_on("127.0.0.1", PORT));
	EQ(0, pthread_create(&server, NULL, serve_common, NULL));
	for (intptr_t i = 0; i < THREADS; i++)
		EQ(0, pthread_create(&threads[i], NULL, work, (void *)i));
	for (int i = 0; i < THREADS; i++)
		EQ(0, pthread_join(threads[i], NULL));
	EQ(0, pthread_join(server, NULL));
	say("%d rounds in each of %d threads\n", ROUNDS, THREADS);
	return 0;
}
