/* SPDX-License-Identifier: MIT */
/*
 * Cost of one intercepted call: bind, connect, getsockname, in ns per call, the median of several
 * batches.
 */
#include "tests/bench/bench.h"

enum { BATCHES = 15, CALLS = 20000 };

static int fd;
static struct sockaddr_in at;

static void do_getsockname(void)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);

	getsockname(fd, (struct sockaddr *)&name, &len);
}

static void do_connect(void) /* a datagram socket: no packet, just the call */
{
	connect(fd, (struct sockaddr *)&at, sizeof(at));
}

static int by_value(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
	       (*(const double *)a < *(const double *)b);
}

static double cost(void (*call)(void))
{
	double batch[BATCHES];

	for (int i = 0; i < BATCHES; i++) {
		double start = now_ns();

		for (int k = 0; k < CALLS; k++)
			call();
		batch[i] = (now_ns() - start) / CALLS;
	}
	qsort(batch, BATCHES, sizeof(batch[0]), by_value);
	return batch[BATCHES / 2];
}

/*
 * A socket can be bound once, and making one costs more than binding it: only the bind itself is
 * timed.
 */
static double cost_of_bind(void)
{
	static double each[CALLS];

	for (int i = 0; i < CALLS; i++) {
		int mine = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
		double start = now_ns();

		must(bind(mine, (struct sockaddr *)&at, sizeof(at)), "bind");
		each[i] = now_ns() - start;
		close(mine);
	}
	qsort(each, CALLS, sizeof(each[0]), by_value);
	return each[CALLS / 2];
}

int main(void)
{
	at = loopback(BENCH_PORT);
	printf("bind %.1f ns\n", cost_of_bind());
	fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	printf("connect %.1f ns\n", cost(do_connect));
	printf("getsockname %.1f ns\n", cost(do_getsockname));
	return 0;
}
