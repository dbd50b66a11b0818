/* SPDX-License-Identifier: MIT */
/*
 * Bug 17: a path with a space (shadow#3248): the program lies and runs in a directory with spaces,
 * a colon and a quote.
 */
#include "t.h"
#include <sys/stat.h>

enum { PORT = 4310 };

static void copy_self(const char *to)
{
	char buffer[65536];
	int in = (int)MUST(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	int out = (int)MUST(open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700));
	ssize_t len;

	while ((len = MUST(read(in, buffer, sizeof(buffer)))) > 0)
		MUST(write(out, buffer, (size_t)len));
	close(in);
	close(out);
}

int main(int argc, char **argv)
{
	char base[] = "/tmp/spaces XXXXXX", inner[64], program[128];
	pid_t pid;

	(void)argv;
	if (argc > 1) {
		round_trip("127.0.0.1", PORT);
		return 0;
	}
	if (!mkdtemp(base))
		FAIL("mkdtemp: %s", err_name(errno));
	snprintf(inner, sizeof(inner), "%s/it's a: place", base);
	MUST(mkdir(inner, 0700));
	snprintf(program, sizeof(program), "%s/my program", inner);
	copy_self(program);
	pid = (pid_t)MUST(fork());
	if (!pid) {
		MUST(chdir(inner));
		execl(program, "my program", "child", NULL);
		_exit(1);
	}
	reap(pid);
	pid = (pid_t)MUST(fork());
	if (!pid) {
		MUST(chdir(inner));
		execl("./my program", "my program", "child", NULL);
		_exit(1);
	}
	reap(pid);
	MUST(unlink(program));
	MUST(rmdir(inner));
	MUST(rmdir(base));
	return 0;
}
