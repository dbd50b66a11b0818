/* SPDX-License-Identifier: MIT */
/*
 * Bug 12: a signal during fork (socket_wrapper 3547fdf): a handler binds, connects and asks for
 * names while the program forks, binds and connects: no deadlock, no mixed-up answer, errno
 * restored only by the handler.
 */
#include "t.h"
#include <stdatomic.h>
#include <sys/time.h>

enum { PORT = 4340, ENOUGH = 200, MOST_WAITING = 100 };

static atomic_int handled, broken, waiting;
static volatile pid_t owner;

/*
 * Each alarm sets the next, at uneven distances: a fork that is slower than a steady beat would
 * start over forever.
 */
static void beat(void)
{
	static unsigned state = 1;

	state = state * 1103515245 + 12345;
	setitimer(ITIMER_REAL,
	          &(struct itimerval){ .it_value.tv_usec = 200 + (state >> 16) % 4096 }, NULL);
}

static void on_alarm(int number)
{
	struct addr there = addr("127.0.0.1", PORT), name = { .len = sizeof(name.ss) };
	int before = errno, client;

	(void)number;
	if (getpid() != owner)
		return;
	client = waiting < MOST_WAITING ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	if (client < 0)
		broken += waiting < MOST_WAITING;
	else if (connect(client, &there.sa, there.len) ||
	         getpeername(client, &name.sa, &name.len) || name.in.sin_port != htons(PORT))
		broken++;
	waiting++;
	close(client);
	client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	there = addr("127.0.0.1", PORT + 1);
	if (client < 0 || bind(client, &there.sa, there.len) ||
	    sendto(client, "h", 1, 0, &there.sa, there.len) != 1)
		broken++;
	close(client);
	handled++;
	beat();
	errno = before;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval never = { 0 };
	int server, rounds = 0;

	owner = getpid();
	server = FD(listen_on("127.0.0.1", PORT));
	MUST(fcntl(server, F_SETFL, O_NONBLOCK));
	WANT(0, sigaction(SIGALRM, &action, NULL));
	beat();
	while ((handled < ENOUGH || rounds < 20) && rounds < 5000) {
		pid_t pid = (pid_t)MUST(fork());
		int served;

		if (!pid)
			_exit(0);
		reap(pid);
		serve_and_connect("127.0.0.1", PORT + 2);
		while ((served = accept(server, NULL, NULL)) >= 0)
			close(served);
		waiting = 0;
		rounds++;
	}
	WANT(0, setitimer(ITIMER_REAL, &never, NULL));
	EQ(0, broken);
	EQ(1, handled >= ENOUGH);
	return 0;
}
