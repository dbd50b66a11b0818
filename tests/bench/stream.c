/* SPDX-License-Identifier: MIT */
/*
 * The data path: round trips of one small message, then bytes through the same loopback connection.
 * Speed depends on where the scheduler puts the two ends; the processor time that both take for it
 * hardly does, and says what a wrapper adds.
 *
 * Both ends use reno, which every kernel has and allows to everybody, tcp(7). BBR, the default of
 * some machines, goes by round trips that it has measured: on loopback these are microseconds, and
 * throughput is then whatever it believed at the beginning.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

enum { MESSAGE = 64, ROUNDS = 40000, CHUNK = 64 * 1024, CHUNKS = 64000 };

static char data[CHUNK];

static double used_us(int who)
{
	struct rusage usage;

	must(getrusage(who, &usage), "getrusage");
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void other_end(int server)
{
	int fd = must(accept(server, NULL, NULL), "accept"), one = 1;
	double used;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (int i = 0; i < ROUNDS; i++) {
		must((int)recv(fd, data, MESSAGE, MSG_WAITALL), "recv");
		must((int)send(fd, data, MESSAGE, 0), "send");
	}
	used = used_us(RUSAGE_SELF);
	while (read(fd, data, sizeof(data)) > 0)
		;
	used = used_us(RUSAGE_SELF) - used;
	must((int)write(fd, &used, sizeof(used)), "write");
}

static void round_trips(int fd)
{
	double start = now_ns();

	for (int i = 0; i < ROUNDS; i++) {
		must((int)send(fd, data, MESSAGE, 0), "send");
		must((int)recv(fd, data, MESSAGE, MSG_WAITALL), "recv");
	}
	printf("round-trip %.0f ns\n", (now_ns() - start) / ROUNDS);
}

static void bulk(int fd)
{
	double start = now_ns(), used = used_us(RUSAGE_SELF), used_there = 0,
	       megabytes = (double)CHUNKS * CHUNK / 1e6;

	for (int i = 0; i < CHUNKS; i++)
		for (size_t sent = 0; sent < CHUNK;)
			sent += (size_t)must((int)write(fd, data + sent, CHUNK - sent), "write");
	used = used_us(RUSAGE_SELF) - used;
	must(shutdown(fd, SHUT_WR), "shutdown");
	must((int)recv(fd, &used_there, sizeof(used_there), MSG_WAITALL), "recv");
	printf("throughput %.0f MB/s\n", megabytes / ((now_ns() - start) / 1e9));
	printf("throughput-processor %.1f us/MB\n", (used + used_there) / megabytes);
}

static void use_reno(int fd)
{
	must(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), "TCP_CONGESTION");
}

int main(void)
{
	struct sockaddr_in at = loopback(BENCH_PORT);
	int server = listener(BENCH_PORT), fd, one = 1;
	pid_t child;

	use_reno(server); /* what accept() gives has it from there */
	child = fork();
	if (!child) {
		other_end(server);
		_exit(0);
	}
	fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	use_reno(fd);
	must(connect(fd, (struct sockaddr *)&at, sizeof(at)), "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	round_trips(fd);
	bulk(fd);
	waitpid(child, NULL, 0);
	return 0;
}
