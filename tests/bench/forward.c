/* SPDX-License-Identifier: MIT */
/*
 * What any relay costs: one loop that hands every byte from one connection to the other and looks
 * at none. What the relay takes beyond this is its own; the rest is two more trips through the
 * kernel and two more processes to wake.
 *
 *	forward PORT SERVER_PORT	both of 127.0.0.1; ends by a signal
 */
#include <errno.h>
#include <sys/epoll.h>

#include "tests/bench/bench.h"

enum { PEERS = 4096 };

static int peers[PEERS];

static void watch(int epoll, int fd, int peer)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	int one = 1;

	must(fd < PEERS ? 0 : -1, "descriptor");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	peers[fd] = peer;
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void begin(int epoll, int listening, uint16_t port)
{
	struct sockaddr_in at = loopback(port);
	int client = must(accept(listening, NULL, NULL), "accept");
	int server = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	must(connect(server, (struct sockaddr *)&at, sizeof(at)), "connect");
	watch(epoll, client, server);
	watch(epoll, server, client);
}

static void forward(int fd)
{
	static char data[64 << 10];
	ssize_t got = recv(fd, data, sizeof(data), MSG_DONTWAIT);

	for (ssize_t sent = 0, put;
	     sent < got &&
	     (put = send(peers[fd], data + sent, (size_t)(got - sent), MSG_NOSIGNAL)) > 0;)
		sent += put;
	if (got > 0 || (got < 0 && errno == EAGAIN))
		return;
	close(peers[fd]);
	close(fd);
	peers[peers[fd]] = 0; /* its event may be among those that were fetched */
	peers[fd] = 0;
}

int main(int argc, char **argv)
{
	int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	int listening = argc == 3 ? listener((uint16_t)atoi(argv[1])) : -1;

	watch(epoll, must(listening, "usage: forward PORT SERVER_PORT"), -1);
	for (;;) {
		struct epoll_event events[64];
		int count = must(epoll_wait(epoll, events, 64, -1), "epoll_wait");

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == listening)
				begin(epoll, listening, (uint16_t)atoi(argv[2]));
			else if (peers[events[i].data.fd] > 0)
				forward(events[i].data.fd);
		}
	}
}
