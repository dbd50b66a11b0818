/* SPDX-License-Identifier: MIT */
/*
 * exec from a thread that is not the first, while others bind and connect: the new program has its
 * port and its environment.
 */
#include "t.h"
#include <pthread.h>

enum { PORT = 4970 };

static void *busy(void *port)
{
	for (;;)
		serve_and_connect("127.0.0.1", (int)(intptr_t)port);
	return NULL;
}

static void *start(void *unused)
{
	poll(NULL, 0, 20);
	execl(self_path(), "self", "child", NULL);
	FAIL("execl: %s", err_name(errno));
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	(void)argv;
	if (argc > 1) {
		IS("kept", getenv("COLOUR") ? getenv("COLOUR") : "lost");
		round_trip("127.0.0.1", PORT);
		return 0;
	}
	MUST(setenv("COLOUR", "kept", 1));
	if (pthread_create(&thread, NULL, busy, (void *)(intptr_t)(PORT + 1)) ||
	    pthread_create(&thread, NULL, busy, (void *)(intptr_t)(PORT + 2)) ||
	    pthread_create(&thread, NULL, start, NULL))
		FAIL("pthread_create");
	pause();
	return 1;
}
