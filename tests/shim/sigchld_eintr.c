/* SPDX-License-Identifier: MIT */
/*
 * Bug 18: notification races: a call that does not wait returns EINTR because of SIGCHLD
 * (WSL#14554, sandlock#235): bind, connect, getsockname while children die all the time, with a
 * handler without SA_RESTART.
 */
#include "t.h"

enum { PORT = 4780, CHILDREN = 150 };

static volatile sig_atomic_t deaths;

static void on_child(int number)
{
	int before = errno;

	(void)number;
	deaths++;
	errno = before;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_child };
	int alive = 0;

	WANT(0, sigaction(SIGCHLD, &action, NULL));
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = (pid_t)MUST(fork());

		if (!pid)
			_exit(0);
		alive++;
		for (int j = 0; j < 4; j++) {
			int udp = udp_on("127.0.0.1", PORT);

			MUST(connect_to(udp, "127.0.0.1", PORT + 1));
			if (strcmp(name_of(udp), "127.0.0.1:4780") ||
			    strcmp(peer_of(udp), "127.0.0.1:4781"))
				FAIL("%s to %s", name_of(udp), peer_of(udp));
			MUST(close(udp));
		}
		while (alive && waitpid(-1, NULL, WNOHANG) > 0)
			alive--;
	}
	while (alive)
		if (waitpid(-1, NULL, 0) > 0)
			alive--;
	EQ(1, deaths > 0);
	say("%d children\n", CHILDREN);
	return 0;
}
