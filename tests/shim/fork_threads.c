/* SPDX-License-Identifier: MIT */
/*
 * Bug 12: fork with a held lock (socket_wrapper 0f8e90d, mirrord#1588, #3659): a program forks
 * while its threads bind and connect without pause; every child can use sockets at once.
 */
#include "t.h"
#include <pthread.h>
#include <stdatomic.h>

enum { PORT = 4330, THREADS = 3, FORKS = 60 };

static atomic_bool stop;

/*
 * A child holds copies of the listeners that were open when it was forked, so a bind may well find
 * its port in use.
 */
static void *busy(void *number)
{
	int port = PORT + 1 + (int)(intptr_t)number;

	while (!stop) {
		int server = socket_for("127.0.0.1", SOCK_STREAM), client;

		set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
		if (bind_to(server, "127.0.0.1", port) && errno != EADDRINUSE)
			FAIL("bind: %s", err_name(errno));
		listen(server, 5);
		client = client_of("127.0.0.1", port);
		if (client < 0 && errno != ECONNREFUSED && errno != ECONNRESET)
			FAIL("connect: %s", err_name(errno));
		if (client >= 0)
			close(client);
		close(server);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (intptr_t i = 0; i < THREADS; i++)
		EQ(0, pthread_create(&threads[i], NULL, busy, (void *)i));
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = (pid_t)MUST(fork());

		if (!pid) {
			alarm(10);
			serve_and_connect("127.0.0.1", PORT);
			_exit(0);
		}
		reap(pid);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++)
		EQ(0, pthread_join(threads[i], NULL));
	say("%d forks\n", FORKS);
	return 0;
}
