/* SPDX-License-Identifier: MIT */
/*
 * A blocking accept: a signal without SA_RESTART ends it with EINTR, one with SA_RESTART does not;
 * SO_RCVTIMEO ends it with EAGAIN.
 */
#include "t.h"
#include <sys/time.h>

enum { PORT = 4370 };

static volatile sig_atomic_t signals;

static void on_alarm(int number)
{
	(void)number;
	signals++;
}

static void every_20ms(bool on)
{
	struct itimerval timer = { { 0, on ? 20000 : 0 }, { 0, on ? 20000 : 0 } };

	MUST(setitimer(ITIMER_REAL, &timer, NULL));
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct addr from = { .len = sizeof(from.ss) };
	struct timeval limit = { 0, 150000 };
	int server = FD(listen_on("127.0.0.1", PORT)), served;
	pid_t pid;

	MUST(sigaction(SIGALRM, &action, NULL));
	every_20ms(true);
	FAILS(EINTR, accept(server, NULL, NULL));
	FAILS(EINTR, accept4(server, &from.sa, &from.len, SOCK_CLOEXEC));
	every_20ms(false);

	action.sa_flags = SA_RESTART;
	MUST(sigaction(SIGALRM, &action, NULL));
	signals = 0;
	pid = (pid_t)MUST(fork());
	if (!pid) {
		poll(NULL, 0, 200);
		MUST(client_of("127.0.0.1", PORT));
		_exit(0);
	}
	every_20ms(true);
	served = FD(accept(server, &from.sa, &from.len));
	every_20ms(false);
	EQ(1, signals > 0);
	IS("127.0.0.1:4370", name_of(served));
	reap(pid);

	WANT(0, setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	FAILS(EAGAIN, accept(server, NULL, NULL));
	return 0;
}
