/* SPDX-License-Identifier: MIT */
/*
 * Small programs, each with one problem or with none. Each prints as a line of JSON what a monitor
 * must find, and how often it made which call.
 *
 *	oracle NAME [PORT]
 *
 * {"findings": [{"kind": "leaked_listener", "port": 40123, "count": 1}], "opened": 2, ...};
 * "severity" is present if it differs from that of the kind. `oracle list` prints the names.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int argument; /* PORT */
static unsigned int worker;

static void die(const char *what)
{
	perror(what);
	exit(9);
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

static struct sockaddr_in at(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons((uint16_t)port),
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len))
		die("getsockname");
	return ntohs(address.sin_port);
}

static int tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int listen_on(int port, bool reuse)
{
	struct sockaddr_in address = at(port);
	int fd = tcp(), on = reuse;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 128))
		die("listen_on");
	return fd;
}

static int connect_to(int port)
{
	struct sockaddr_in address = at(port);
	int fd = tcp();

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		die("connect_to");
	return fd;
}

static void truth(const char *findings, const char *more)
{
	printf("{\"findings\": [%s]%s%s}\n", findings, *more ? ", " : "", more);
	fflush(stdout);
}

static void truth_of(const char *kind, int port, int count, const char *more)
{
	char text[160];

	snprintf(text, sizeof(text), "{\"kind\": \"%s\", \"port\": %d, \"count\": %d}", kind, port,
	         count);
	truth(text, more);
}

/* ---- no problem ---- */

static void clean(void)
{
	int server = listen_on(0, true);

	for (int i = 0; i < 10; i++) {
		int client = connect_to(port_of(server)), accepted = accept(server, NULL, NULL);

		close(client);
		close(accepted);
	}
	close(server);
	truth("", "\"opened\": 11, \"bound\": 1, \"listening\": 1, \"connected\": 10, "
	          "\"accepted\": 10, \"closed\": 11, "
	          "\"accepted_closed\": 10");
}

static void clean_pool(void)
{
	int server = listen_on(0, true);

	for (int i = 0; i < 8; i++)
		connect_to(port_of(server));
	truth("", "\"opened\": 9, \"connected\": 8, \"accepted\": 8, \"closed\": 0, "
	          "\"closed_by_exit\": 9");
}

static void clean_late_child(void) /* a server that needs a moment to stop */
{
	if (!fork()) {
		int server = listen_on(0, true);

		pause_ms(200);
		close(server);
		_exit(0);
	}
	pause_ms(50);
	truth("", "\"opened\": 1, \"listening\": 1");
}

static void clean_retry(void) /* waits until the port is free */
{
	int first = listen_on(0, false), second = tcp();
	struct sockaddr_in address = at(port_of(first));

	if (!bind(second, (struct sockaddr *)&address, sizeof(address)))
		die("the bind should have failed");
	close(first);
	if (bind(second, (struct sockaddr *)&address, sizeof(address)))
		die("bind again");
	close(second);
	truth("", "\"opened\": 2, \"bind_failed\": 1, \"eaddrinuse\": 1, \"bound\": 2");
}

static void refuse_60(void)
{
	int server = listen_on(0, true), port = port_of(server), refused = 0;
	struct sockaddr_in address = at(port);

	close(server);
	for (int i = 0; i < 60; i++) {
		int fd = tcp();

		refused += connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
		           errno == ECONNREFUSED;
		close(fd);
	}
	if (refused != 60)
		die("the connects should have been refused");
}

/* connects until a slow server listens, and passes */
static void clean_wait(void)
{
	refuse_60();
	truth("", "\"opened\": 61, \"connect_failed\": 60, \"econnrefused\": 60");
}

static void server_missing(void)
{
	refuse_60();
	truth("{\"kind\": \"error_rate\", \"port\": 0, \"count\": 60}", "\"econnrefused\": 60");
	exit(1);
}

static void clean_nonblock(void) /* asynchronous failures are counted once as well */
{
	int server = listen_on(0, true), port = port_of(server);
	struct sockaddr_in address = at(port);

	close(server);
	for (int i = 0; i < 5; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		struct pollfd ready = { .fd = fd, .events = POLLOUT };

		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			die("connect without a server");
		poll(&ready, 1, 1000);
		close(fd);
	}
	truth("", "\"opened\": 6, \"connect_failed\": 5, \"econnrefused\": 5");
}

static void clean_udp(void)
{
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = at(0);

	bind(a, (struct sockaddr *)&address, sizeof(address));
	address = at(port_of(a));
	sendto(b, "x", 1, 0, (struct sockaddr *)&address, sizeof(address));
	close(a);
	close(b);
	truth("", "\"opened\": 2, \"opened_udp\": 2, \"bound\": 1, \"closed\": 2");
}

static double seconds(const struct timespec *from, const struct timespec *until)
{
	return (double)(until->tv_sec - from->tv_sec) +
	       1e-9 * (double)(until->tv_nsec - from->tv_nsec);
}

static void clean_storm(void)
{
	int count = argument ? argument : 100000, server = listen_on(0, true);
	struct sockaddr_in address = at(port_of(server));
	/* no TIME_WAIT: there are not enough ports for 100 000 of them */
	struct linger hard = { 1, 0 };
	struct timespec cpu_start, cpu_end, start, end;
	char more[200];

	clock_gettime(CLOCK_MONOTONIC, &start);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_start);
	for (int i = 0; i < count; i++) {
		int client = tcp(), accepted;

		setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		if (connect(client, (struct sockaddr *)&address, sizeof(address)))
			die("connect");
		accepted = accept(server, NULL, NULL);
		close(client);
		close(accepted);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_end);
	clock_gettime(CLOCK_MONOTONIC, &end);
	close(server);
	/* for tests/bench: connections per second of processor time, and by the clock */
	if (getenv("STORM_RATE"))
		fprintf(stderr, "%.0f %.0f\n", count / seconds(&cpu_start, &cpu_end),
		        count / seconds(&start, &end));
	snprintf(more, sizeof(more),
	         "\"opened\": %d, \"connected\": %d, \"accepted\": %d, \"closed\": %d, "
	         "\"accepted_closed\": %d, "
	         "\"reset_received\": %d",
	         count + 1, count, count, count + 1, count, count);
	truth("", more);
}

/* ---- leaks ---- */

/* no oracle: stays as it is for PORT milliseconds, so that other tools can look */
static void frozen(void)
{
	int server = listen_on(0, true), bound_only = tcp(), udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = at(0);

	bind(bound_only, (struct sockaddr *)&address, sizeof(address));
	bind(udp, (struct sockaddr *)&address, sizeof(address));
	for (int i = 0; i < 5; i++) {
		connect_to(port_of(server));
		accept(server, NULL, NULL);
	}
	close(connect_to(port_of(server))); /* one end is closed: CLOSE_WAIT and FIN_WAIT2 */
	accept(server, NULL, NULL);
	pause_ms(argument);
}

static void serve_for_ever(int server)
{
	(void)server;
	for (;;)
		pause();
}

static void leaked_listener(void)
{
	int server = listen_on(0, true);

	truth_of("leaked_listener", port_of(server), 1, "\"opened\": 1");
	if (!fork())
		serve_for_ever(server);
}

/* as a daemon: two forks and a session of its own */
static void leaked_daemon(void)
{
	int ready[2], port;

	if (pipe(ready))
		die("pipe");
	if (!fork()) {
		setsid();
		if (!fork()) {
			int server = listen_on(0, true);

			port = port_of(server);
			if (write(ready[1], &port, sizeof(port)) != sizeof(port))
				die("write");
			serve_for_ever(server);
		}
		_exit(0);
	}
	if (read(ready[0], &port, sizeof(port)) != sizeof(port))
		die("read");
	wait(NULL);
	truth_of("leaked_listener", port, 1, "\"opened\": 1");
}

static void leaked_exec(void) /* the socket stays open in another program */
{
	int server = listen_on(0, true);

	truth_of("leaked_listener", port_of(server), 1, "\"opened\": 1");
	if (!fork()) {
		execlp("sleep", "sleep", "1000", NULL);
		_exit(127);
	}
	pause_ms(100);
}

static void leaked_passed(void) /* by SCM_RIGHTS, to a process that has not created a socket */
{
	int server = listen_on(0, true), pair[2];
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
		                  .msg_iovlen = 1,
		                  .msg_control = control,
		                  .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("socketpair");
	if (!fork()) {
		close(server);
		if (recvmsg(pair[1], &message, 0) != 1 || write(pair[1], "x", 1) != 1)
			_exit(9);
		serve_for_ever(-1);
	}
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &server, sizeof(int));
	if (sendmsg(pair[0], &message, 0) != 1 || read(pair[0], &byte, 1) != 1)
		die("sendmsg");
	truth_of("leaked_listener", port_of(server), 1, "\"opened\": 1");
}

static void leaked_udp(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = at(0);

	bind(fd, (struct sockaddr *)&address, sizeof(address));
	truth_of("leaked_listener", port_of(fd), 1, "\"opened_udp\": 1");
	if (!fork())
		serve_for_ever(fd);
}

static void leaked_process(void)
{
	if (!fork()) {
		if (!fork()) /* the child belongs to the same finding */
			serve_for_ever(-1);
		serve_for_ever(-1);
	}
	pause_ms(50);
	truth_of("leaked_process", 0, 1, "\"opened\": 0");
}

/* Forty connections that only the end of their process closes. Return: the server's port. */
static int abandon(int every_ms)
{
	int server = listen_on(0, true), port = port_of(server), kept[40];

	if (!fork()) {
		for (int i = 0; i < 40; i++) {
			connect_to(port);
			pause_ms(every_ms);
		}
		exit(0);
	}
	for (int i = 0; i < 40; i++)
		kept[i] = accept(server, NULL, NULL);
	wait(NULL);
	for (int i = 0; i < 40; i++)
		close(kept[i]);
	close(server);
	return port;
}

static void never_closed(void)
{
	truth_of("socket_never_closed", abandon(230), 40,
	         "\"opened\": 41, \"closed_by_exit\": 40, \"closed\": 1");
}

static void pool(void)
{
	char text[128];

	snprintf(text, sizeof(text),
	         "{\"kind\": \"socket_never_closed\", \"port\": %d, \"count\": 40, \"severity\": "
	         "\"note\"}",
	         abandon(0));
	truth(text, "\"opened\": 41, \"closed_by_exit\": 40, \"closed\": 1");
}

static void close_wait(void)
{
	int server = listen_on(0, true), kept[5];

	for (int i = 0; i < 5; i++) {
		int client = connect_to(port_of(server));

		kept[i] = accept(server, NULL, NULL);
		close(client);
	}
	pause_ms(900);
	for (int i = 0; i < 5; i++)
		close(kept[i]);
	close(server);
	truth_of("close_wait", 0, 5, "\"opened\": 6, \"accepted\": 5, \"close_wait\": 0");
}

static void growth(void)
{
	for (int i = 0; i < 40; i++) {
		for (int k = 0; k < 4; k++)
			(void)dup(0);
		pause_ms(50);
	}
	truth("{\"kind\": \"descriptor_growth\", \"port\": 0}", "");
}

/* ---- conflicts ---- */

static void conflict(void)
{
	int first = listen_on(0, false), second = tcp();
	struct sockaddr_in address = at(port_of(first));

	for (int i = 0; i < 3; i++)
		if (!bind(second, (struct sockaddr *)&address, sizeof(address)))
			die("the bind should have failed");
	truth_of("port_conflict", port_of(first), 3,
	         "\"opened\": 2, \"bind_failed\": 3, \"eaddrinuse\": 3, \"bound\": 1");
	exit(1); /* as a server that cannot start */
}

static void conflict_expected(void) /* a test for EADDRINUSE: only a note */
{
	int first = listen_on(0, false), second = tcp();
	struct sockaddr_in address = at(port_of(first));
	char text[160];

	if (!bind(second, (struct sockaddr *)&address, sizeof(address)))
		die("the bind should have failed");
	snprintf(
		text, sizeof(text),
		"{\"kind\": \"port_conflict\", \"port\": %d, \"count\": 1, \"severity\": \"note\"}",
		port_of(first));
	truth(text, "\"bind_failed\": 1, \"bound\": 1");
	close(first);
	close(second);
}

static void conflict_next(void) /* takes another port: only a note */
{
	int first = listen_on(0, false), second = tcp();
	struct sockaddr_in address = at(port_of(first));
	char text[160];

	if (!bind(second, (struct sockaddr *)&address, sizeof(address)))
		die("the bind should have failed");
	address = at(0);
	if (bind(second, (struct sockaddr *)&address, sizeof(address)))
		die("bind");
	snprintf(
		text, sizeof(text),
		"{\"kind\": \"port_conflict\", \"port\": %d, \"count\": 1, \"severity\": \"note\"}",
		port_of(first));
	truth(text, "\"bind_failed\": 1, \"bound\": 2");
	close(first);
	close(second);
}

static void conflict_between(void) /* two workers, one port */
{
	struct sockaddr_in address = at(argument);
	int fd = tcp(), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (worker == 2)
		pause_ms(300);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == (worker == 2 ? 0 : -1))
		die("only the first worker should get the port");
	if (worker == 1) {
		listen(fd, 1);
		pause_ms(700);
	} else {
		truth_of("port_conflict", argument, 1, "");
		exit(1);
	}
	close(fd);
}

static void close_first(int server)
{
	int client = connect_to(port_of(server)), accepted = accept(server, NULL, NULL);

	close(accepted);
	close(client);
	close(server);
}

static void time_wait(void)
{
	truth_of("time_wait", 3887, 1, "\"opened\": 2, \"accepted\": 1");
	close_first(listen_on(3887, false));
}

static void clean_time_wait(void) /* no server will bind this port again */
{
	truth("", "\"opened\": 2, \"accepted\": 1");
	close_first(listen_on(0, false));
}

/* ---- connections ---- */

static void foreign(void) /* to a server outside the run, on PORT */
{
	close(connect_to(argument));
	truth_of("foreign_connection", argument, 1, "\"connected\": 1");
}

static void serve(void) /* no oracle: a server outside the run, until it is killed */
{
	int server = listen_on(argument, true);

	for (;;)
		close(accept(server, NULL, NULL));
}

static void cross(void) /* worker 2 connects to worker 1 */
{
	if (worker == 1) {
		int server = listen_on(argument, true), accepted;
		struct pollfd ready = { .fd = server, .events = POLLIN };

		poll(&ready, 1, 3000);
		accepted = accept(server, NULL, NULL);
		close(accepted);
		close(server);
	} else {
		pause_ms(300);
		close(connect_to(argument));
		truth_of("cross_worker", argument, 1, "\"connected\": 1");
	}
}

static void errors(void)
{
	int server = listen_on(0, true);

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 30; i++) {
		int client = connect_to(port_of(server));

		close(accept(server, NULL, NULL));
		shutdown(client, SHUT_WR);
		if (send(client, "x", 1, 0) >= 0 || errno != EPIPE)
			die("send should have failed with EPIPE");
		close(client);
	}
	close(server);
	truth("{\"kind\": \"error_rate\", \"port\": 0, \"count\": 30}",
	      "\"epipe\": 30, \"connected\": 30");
}

/* Grow to PORT MiB and end, faster than a sampler could see. */
static void memory(void)
{
	size_t size = (size_t)argument << 20;

	if (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
	         0) == MAP_FAILED)
		die("mmap");
}

static const struct oracle {
	const char *name;
	void (*run)(void);
} oracles[] = {
#define ORACLE(name) \
	{ \
#name, name \
	}
	ORACLE(clean),
	ORACLE(clean_pool),
	ORACLE(clean_late_child),
	ORACLE(clean_retry),
	ORACLE(clean_wait),
	ORACLE(clean_nonblock),
	ORACLE(clean_udp),
	ORACLE(clean_storm),
	ORACLE(leaked_listener),
	ORACLE(leaked_daemon),
	ORACLE(leaked_exec),
	ORACLE(leaked_passed),
	ORACLE(leaked_udp),
	ORACLE(leaked_process),
	ORACLE(never_closed),
	ORACLE(pool),
	ORACLE(close_wait),
	ORACLE(growth),
	ORACLE(conflict),
	ORACLE(conflict_next),
	ORACLE(conflict_expected),
	ORACLE(conflict_between),
	ORACLE(time_wait),
	ORACLE(clean_time_wait),
	ORACLE(foreign),
	ORACLE(cross),
	ORACLE(errors),
	ORACLE(server_missing),
	ORACLE(serve),
	ORACLE(frozen),
	ORACLE(memory),
};

int main(int argc, char **argv)
{
	const char *number = getenv("BERTH_WORKER");

	argument = argc > 2 ? atoi(argv[2]) : 0;
	worker = number ? (unsigned int)atoi(number) : 0;
	for (size_t i = 0; i < sizeof(oracles) / sizeof(*oracles); i++) {
		if (argc > 1 && !strcmp(argv[1], "list"))
			puts(oracles[i].name);
		else if (argc > 1 && !strcmp(argv[1], oracles[i].name)) {
			oracles[i].run();
			return 0;
		}
	}
	return argc > 1 && !strcmp(argv[1], "list") ? 0 : 125;
}
