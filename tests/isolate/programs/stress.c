/* SPDX-License-Identifier: MIT */
/*
 * stress STATIC ROUNDS KILLS: one worker of the stress test. Four children bind and connect ROUNDS
 * times each, two of them as this program, two as its static build; now and then one is killed and
 * begins anew. Each child checks every answer: its own client is served by its own server, under
 * the port that it asked for, with the name of its worker, and a second bind of a port that is
 * taken fails. Exit status 1 with one line on stderr at the first wrong answer, 2 if something
 * hangs.
 *
 * stress child INDEX ROUNDS: one child.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHILDREN = 4, PORT = 5100, HANG_S = 120, NAME = 16 };

static char name[NAME];
static int number;

static void __attribute__((noreturn)) wrong(const char *what, long got)
{
	fprintf(stderr, "worker %s child %d: %s: %ld, %s\n", name, number, what, got,
	        strerror(errno));
	_exit(1);
}

#define MUST(expr) \
	({ \
		long must_ret = (long)(expr); \
		if (must_ret < 0) \
			wrong(#expr, must_ret); \
		(int)must_ret; \
	})

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static int stream(void)
{
	int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), on = 1;
	struct linger none = { .l_onoff = 1 }; /* no TIME_WAIT */

	MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)));
	return fd;
}

static int port_of(int (*call)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	MUST(call(fd, (struct sockaddr *)&address, &len));
	return ntohs(address.sin_port);
}

static int serve(int port)
{
	struct sockaddr_in address = loopback(port);
	int fd = stream();

	MUST(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	MUST(listen(fd, 64));
	if (port_of(getsockname, fd) != port)
		wrong("getsockname", port_of(getsockname, fd));
	return fd;
}

static int reach(int port, bool blocking)
{
	struct sockaddr_in address = loopback(port);
	struct pollfd poller = { .fd = stream(), .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	if (!blocking)
		MUST(fcntl(poller.fd, F_SETFL, O_NONBLOCK));
	if (!connect(poller.fd, (struct sockaddr *)&address, sizeof(address)))
		return poller.fd;
	if (errno == EINPROGRESS && !blocking) {
		if (poll(&poller, 1, 5000) != 1)
			wrong("poll", 0);
		MUST(getsockopt(poller.fd, SOL_SOCKET, SO_ERROR, &error, &len));
		errno = error;
	}
	if (!errno)
		return poller.fd;
	close(poller.fd);
	return -errno;
}

/* Give each client our name, until our own client has been served. */
static void answer(int server, int client)
{
	int own = port_of(getsockname, client), peer;

	do {
		struct sockaddr_in address;
		socklen_t len = sizeof(address);
		int fd = MUST(accept4(server, (struct sockaddr *)&address, &len, SOCK_CLOEXEC));

		peer = ntohs(address.sin_port);
		if (write(fd, name, NAME) != NAME && peer == own)
			wrong("write", 0);
		if (peer == own) {
			char text[NAME] = "";

			MUST(fcntl(client, F_SETFL, 0));
			if (read(client, text, NAME) != NAME || strcmp(text, name))
				wrong("answered by another", atoi(text));
		}
		close(fd);
	} while (peer != own);
}

static void call_on_sibling(int port)
{
	struct timeval soon = { .tv_usec = 20000 };
	char text[NAME] = "";
	int fd = reach(port, true);

	if (fd < 0)
		return; /* between two of its rounds */
	MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)));
	if (read(fd, text, NAME) == NAME && strcmp(text, name))
		wrong("the sibling is another worker's", atoi(text));
	close(fd);
}

static void turn(int round)
{
	int port = PORT + 10 * number + round % 4, server = serve(port), client;

	if (round % 16 == 0) {
		struct sockaddr_in address = loopback(port);
		int second = stream();

		if (!bind(second, (struct sockaddr *)&address, sizeof(address)) ||
		    errno != EADDRINUSE)
			wrong("a second bind", 0);
		close(second);
	}
	client = MUST(reach(port, round % 2));
	if (port_of(getpeername, client) != port)
		wrong("getpeername", port_of(getpeername, client));
	answer(server, client);
	close(client);
	close(server);
	if (round % 8 == 0)
		call_on_sibling(PORT + 10 * ((number + 1) % CHILDREN) + round % 4);
}

static int child(int index, int rounds)
{
	number = index;
	for (int round = 0; round < rounds; round++) {
		alarm(HANG_S); /* a machine may be slow: what hangs does not get on */
		turn(round);
	}
	return 0;
}

static pid_t start(int index, char **argv)
{
	char text[16];
	pid_t pid = MUST(fork());

	if (pid)
		return pid;
	/* the first wrong answer ends all: what goes on has no ports of its own any more */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(text, sizeof(text), "%d", index);
	execl(index % 2 ? argv[1] : "/proc/self/exe", "stress", "child", text, argv[2], NULL);
	wrong("exec", index);
}

int main(int argc, char **argv)
{
	pid_t pids[CHILDREN];
	int kills = argc == 4 ? atoi(argv[3]) : 0, running = CHILDREN, status;

	snprintf(name, sizeof(name), "%s",
	         getenv("BERTH_WORKER") ? getenv("BERTH_WORKER") : "bare");
	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && !strcmp(argv[1], "child"))
		return child(atoi(argv[2]), atoi(argv[3]));
	srand((unsigned int)getpid());
	for (int i = 0; i < CHILDREN; i++)
		pids[i] = start(i, argv);
	while (running) {
		struct timespec pause = { .tv_nsec = 1000000 * (5 + rand() % 50) };
		pid_t pid;

		nanosleep(&pause, NULL);
		if (kills && kills--)
			kill(pids[rand() % CHILDREN], SIGKILL);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			for (int i = 0; i < CHILDREN; i++) {
				if (pids[i] != pid)
					continue;
				if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
					pids[i] = start(i, argv);
					continue;
				}
				if (status)
					return WIFSIGNALED(status) ? 2 : 1;
				running--;
			}
	}
	return 0;
}
