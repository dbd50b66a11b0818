/* SPDX-License-Identifier: MIT */
/* Cost of starting a small dynamic program: vfork, exec, exit, wait. */
#include <spawn.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

enum { STARTS = 400 };

extern char **environ;

int main(void)
{
	char *argv[] = { (char *)"true", NULL };
	double start = now_ns();

	for (int i = 0; i < STARTS; i++) {
		pid_t pid;

		if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ))
			return 1;
		waitpid(pid, NULL, 0);
	}
	printf("exec %.1f us\n", (now_ns() - start) / STARTS / 1e3);
	return 0;
}
