/* SPDX-License-Identifier: MIT */
/*
 * accept, connect and recvfrom stay cancellation points: a thread that waits in one of them ends by
 * pthread_cancel.
 */
#include "t.h"
#include <pthread.h>
#include <sys/syscall.h>

enum { PORT = 4360 };

static int server, full, udp;
static volatile pid_t waiter;

static void *in_accept(void *unused)
{
	struct addr from = { .len = sizeof(from.ss) };

	waiter = (pid_t)syscall(SYS_gettid);
	accept(server, &from.sa, &from.len);
	return unused;
}

static void *in_accept4(void *unused)
{
	waiter = (pid_t)syscall(SYS_gettid);
	accept4(server, NULL, NULL, SOCK_CLOEXEC);
	return unused;
}

/* the queue of a listener with backlog 0 is full after a few: the next connect waits */
static void *in_connect(void *unused)
{
	waiter = (pid_t)syscall(SYS_gettid);
	for (int i = 0; i < 64; i++)
		client_of("127.0.0.1", PORT + 1);
	return unused;
}

static void *in_recvfrom(void *unused)
{
	struct addr from = { .len = sizeof(from.ss) };
	char byte;

	waiter = (pid_t)syscall(SYS_gettid);
	recvfrom(udp, &byte, 1, 0, &from.sa, &from.len);
	return unused;
}

/* wait until the thread sleeps in the kernel, so that cancellation meets it there */
static void wait_asleep(void)
{
	char path[64], text[256], *state;

	for (int tries = 0; tries < 5000; tries++, poll(NULL, 0, 1)) {
		int fd;
		ssize_t len;

		if (!waiter)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", waiter);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[len > 0 ? len : 0] = 0;
		state = strrchr(text, ')');
		if (state && state[2] == 'S')
			return;
	}
	FAIL("the thread does not sleep");
}

static void cancelled(const char *name, void *(*function)(void *))
{
	pthread_t thread;
	void *result = NULL;

	waiter = 0;
	if (pthread_create(&thread, NULL, function, NULL))
		FAIL("pthread_create");
	wait_asleep();
	if (pthread_cancel(thread) || pthread_join(thread, &result))
		FAIL("%s: cancel or join", name);
	say("%s: %s\n", name, result == PTHREAD_CANCELED ? "cancelled" : "returned");
	if (result != PTHREAD_CANCELED)
		FAIL("%s: want cancelled; got a return", name);
}

int main(void)
{
	server = FD(listen_on("127.0.0.1", PORT));
	udp = FD(udp_on("127.0.0.1", PORT));
	full = FD(listen_on("127.0.0.1", PORT + 1));
	WANT(0, listen(full, 0));
	cancelled("accept", in_accept);
	cancelled("accept4", in_accept4);
	cancelled("recvfrom", in_recvfrom);
	cancelled("connect", in_connect);
	return 0;
}
