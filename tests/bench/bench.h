/* SPDX-License-Identifier: MIT */
#ifndef BERTH_TESTS_BENCH_H
#define BERTH_TESTS_BENCH_H
/*
 * What the bench programs share. Each measures one thing in one process, prints `NAME VALUE UNIT`
 * lines and knows nothing of Berth; tests/bench/calls starts them bare and wrapped in turn and
 * prints medians and ratios.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BENCH_PORT = 3101 };

static inline double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int must(int value, const char *what)
{
	if (value < 0) {
		perror(what);
		exit(1);
	}
	return value;
}

static inline struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons(port),
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static inline int listener(uint16_t port)
{
	struct sockaddr_in at = loopback(port);
	int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	must(listen(fd, 128), "listen");
	return fd;
}

#endif
