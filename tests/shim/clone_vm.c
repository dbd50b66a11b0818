/* SPDX-License-Identifier: MIT */
/*
 * Bug 11, the other half: a child of clone(CLONE_VM), which has its own descriptors and this
 * program's memory, binds and connects while the parent does too.
 */
#include "t.h"
#include <sched.h>

enum { PORT = 4850, TIMES = 20 };

static char stack[65536] __attribute__((aligned(16)));

static int child(void *result)
{
	struct addr there = addr("127.0.0.1", PORT);
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0),
	    on = 1;

	*(int *)result = setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	                 bind(server, &there.sa, there.len) || listen(server, 5) ||
	                 connect(client, &there.sa, there.len) ||
	                 getpeername(client, &there.sa, &there.len) ||
	                 there.in.sin_port != htons(PORT);
	return 0;
}

int main(void)
{
	for (int i = 0; i < TIMES; i++) {
		int result = -1;
		pid_t pid = (pid_t)MUST(
			clone(child, stack + sizeof(stack), CLONE_VM | SIGCHLD, &result));

		serve_and_connect("127.0.0.1", PORT + 1);
		reap(pid);
		if (result)
			FAIL("child %d: want 0; got %d", i, result);
	}
	say("%d children\n", TIMES);
	round_trip("127.0.0.1", PORT);
	return 0;
}
