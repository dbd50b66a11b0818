/* SPDX-License-Identifier: MIT */
/* The data path: bytes per second through one loopback connection, and round trips of one small message. */
#include <sys/wait.h>

#include "tests/bench/bench.h"

enum { CHUNK = 64 * 1024, CHUNKS = 24000, ROUNDS = 40000 };

static char data[CHUNK];

static void echo_then_swallow(int fd)
{
	for (int i = 0; i < ROUNDS; i++) {
		must((int)recv(fd, data, 64, MSG_WAITALL), "recv");
		must((int)send(fd, data, 64, 0), "send");
	}
	while (read(fd, data, sizeof(data)) > 0)
		;
	must((int)write(fd, data, 1), "write");
}

int main(void)
{
	struct sockaddr_in at = loopback(BENCH_PORT);
	int server = listener(BENCH_PORT), fd, one = 1;
	double start;
	pid_t child = fork();

	if (!child) {
		fd = must(accept(server, NULL, NULL), "accept");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		echo_then_swallow(fd);
		_exit(0);
	}
	fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	must(connect(fd, (struct sockaddr *)&at, sizeof(at)), "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		must((int)send(fd, data, 64, 0), "send");
		must((int)recv(fd, data, 64, MSG_WAITALL), "recv");
	}
	printf("round-trip %.0f ns\n", (now_ns() - start) / ROUNDS);
	start = now_ns();
	for (int i = 0; i < CHUNKS; i++)
		for (size_t sent = 0; sent < CHUNK;)
			sent += (size_t)must((int)write(fd, data + sent, CHUNK - sent), "write");
	shutdown(fd, SHUT_WR);
	must((int)read(fd, data, 1), "read");
	printf("throughput %.0f MB/s\n", (double)CHUNKS * CHUNK / ((now_ns() - start) / 1e9) / 1e6);
	waitpid(child, NULL, 0);
	return 0;
}
