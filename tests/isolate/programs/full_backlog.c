/* SPDX-License-Identifier: MIT */
/*
 * A connect that has to wait, because the server's backlog is full: a signal ends it with EINTR,
 * and one that no signal interrupts succeeds as soon as the backlog has space. Prints what happened
 * and how long it took, in tenths of seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 4991, CROWD = 3 };

static struct sockaddr_in address = { .sin_family = AF_INET };

static void nothing(int number)
{
	(void)number;
}

static long tenths(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 10 + now.tv_nsec / 100000000;
}

static int stream(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

static int reach(int fd)
{
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

int main(void)
{
	struct itimerval soon = { .it_value = { .tv_usec = 300000 } };
	struct sigaction action = { .sa_handler = nothing };
	int server = stream(), late = stream(), child;
	long start;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(PORT);
	if (bind(server, (struct sockaddr *)&address, sizeof(address)) || listen(server, 0))
		return 1;
	for (int i = 0; i < CROWD; i++) { /* these get in, or give up at once */
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		reach(fd);
	}
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	start = tenths();
	printf("interrupted: %s", reach(late) ? strerror(errno) : "connected");
	start = tenths() - start;
	printf(start >= 2 && start < 20 ? ", in time\n" : ", after %ld tenths\n", start);
	fflush(stdout);
	child = fork();
	if (!child) {
		usleep(500000);
		for (int i = 0; i < 2 * CROWD; i++)
			close(accept(server, NULL, NULL));
		_exit(0);
	}
	printf("waited: %s\n", reach(stream()) ? strerror(errno) : "connected");
	fflush(stdout);
	kill(child, SIGKILL);
	return 0;
}
