/* SPDX-License-Identifier: MIT */
/*
 * A server that restarts on its port again and again, in one process and as a new one each time,
 * always gets it back.
 */
#include "t.h"

enum { PORT = 4530, TIMES = 40 };

int main(void)
{
	for (int i = 0; i < TIMES; i++) {
		pid_t pid;

		serve_and_connect("127.0.0.1", PORT);
		pid = (pid_t)MUST(fork());
		if (!pid) {
			serve_and_connect("127.0.0.1", PORT);
			_exit(0);
		}
		reap(pid);
	}
	say("%d restarts\n", TIMES);
	return 0;
}
