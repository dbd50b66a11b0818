/* SPDX-License-Identifier: MIT */
/*
 * Bug 1 over processes: a child, and an exec'd child, cannot bind the port that the parent listens
 * on; once the parent closed it they can.
 */
#include "t.h"

enum { PORT = 4430 };

static void in_child(bool exec, int want)
{
	pid_t pid = (pid_t)MUST(fork());
	char number[16];

	if (pid) {
		reap(pid);
		return;
	}
	snprintf(number, sizeof(number), "%d", want);
	if (exec)
		execl(self_path(), "self", number, NULL);
	EQ(want,
	   bind_to((int)MUST(socket(AF_INET, SOCK_STREAM, 0)), "127.0.0.1", PORT) ? errno : 0);
	_exit(0);
}

int main(int argc, char **argv)
{
	int server;

	if (argc > 1) {
		EQ(atoi(argv[1]),
		   bind_to((int)MUST(socket(AF_INET, SOCK_STREAM, 0)), "127.0.0.1", PORT) ? errno
		                                                                          : 0);
		return 0;
	}
	server = FD(listen_on("127.0.0.1", PORT));
	in_child(false, EADDRINUSE);
	in_child(true, EADDRINUSE);
	WANT(0, close(server));
	in_child(false, 0);
	in_child(true, 0);
	return 0;
}
