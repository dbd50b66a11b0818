/* SPDX-License-Identifier: MIT */
/*
 * Oracles, as in oracle.c, for what is neither TCP nor a system call: Unix sockets, datagrams to
 * servers outside the run, failures through io_uring. Each prints what it did as a line of JSON.
 *
 *	beyond NAME [PORT]
 *
 * Exit status 77 where the kernel has no io_uring, or none that binds (before Linux 6.11).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int argument; /* PORT */

static void die(const char *what)
{
	perror(what);
	exit(9);
}

static void truth(const char *findings, const char *more)
{
	printf("{\"findings\": [%s]%s%s}\n", findings, *more ? ", " : "", more);
	fflush(stdout);
}

static void serve_for_ever(void)
{
	for (;;)
		pause();
}

/* ---- Unix sockets ---- */

static struct sockaddr_un path(const char *name, socklen_t *ret_len) /* "@..." is abstract */
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	if (*name == '@')
		address.sun_path[0] = 0;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	return address;
}

static int bind_to(const char *name)
{
	socklen_t len;
	struct sockaddr_un address = path(name, &len);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return bind(fd, (struct sockaddr *)&address, len) ? -1 : fd;
}

static int listen_at(const char *name)
{
	int fd = bind_to(name);

	if (fd < 0 || listen(fd, 8))
		die("listen_at");
	return fd;
}

static int connect_to(const char *name)
{
	socklen_t len;
	struct sockaddr_un address = path(name, &len);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, len))
		return -1;
	return fd;
}

/* a stale file that is removed, a client that looks for a server, a pair; all is closed */
static void clean_unix(void)
{
	int server, pair[2];

	close(listen_at("app.sock"));
	if (bind_to("app.sock") >= 0 || connect_to("app.sock") >= 0 ||
	    connect_to("/run/none/socket") >= 0)
		die("these should have failed");
	unlink("app.sock");
	server = listen_at("app.sock");
	close(connect_to("app.sock"));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("socketpair");
	close(server);
	unlink("app.sock");
	truth("", "\"unix_listening\": 2, \"unix_bind_failed\": 1, \"unix_connect_failed\": 2, "
	          "\"opened\": 0");
}

static void leaked_unix(void)
{
	listen_at("left.sock");
	truth("{\"kind\": \"leaked_listener\", \"port\": 0, \"count\": 1}",
	      "\"unix_listening\": 1");
	if (!fork())
		serve_for_ever();
}

static void leaked_abstract(void)
{
	char name[40];

	snprintf(name, sizeof(name), "@left %d", getpid());
	listen_at(name);
	truth("{\"kind\": \"leaked_listener\", \"port\": 0, \"count\": 1}",
	      "\"unix_listening\": 1");
	if (!fork())
		serve_for_ever();
}

/* worker 2 connects to a path and to a name of worker 1, twice; each has its own server, too */
static void cross_unix(void)
{
	const char *number = getenv("BERTH_WORKER");
	bool is_first = number && *number == '1';
	char mine[] = "@own-1";

	mine[5] = is_first ? '1' : '2';
	listen_at(mine);
	if (connect_to(mine) < 0)
		die("connect to its own");
	if (is_first) {
		listen_at("cross.sock");
		listen_at("@cross");
		sleep(1);
		return;
	}
	usleep(300000);
	for (int i = 0; i < 2; i++)
		if (connect_to("cross.sock") < 0 || connect_to("@cross") < 0)
			die("connect to the other's");
	truth("{\"kind\": \"cross_worker\", \"port\": 0, \"count\": 1}", "\"unix_listening\": 1");
}

static void give_up(void) /* as a server that cannot start: it needs a moment to print why */
{
	poll(NULL, 0, 200);
	exit(1);
}

static void taken_path(void)
{
	listen_at("held.sock");
	if (bind_to("held.sock") >= 0 || errno != EADDRINUSE)
		die("the bind should have failed");
	truth("{\"kind\": \"path_conflict\", \"port\": 0, \"count\": 1}",
	      "\"unix_bind_failed\": 1");
	give_up();
}

static void stale_path(void)
{
	close(listen_at("stale.sock"));
	if (bind_to("stale.sock") >= 0)
		die("the bind should have failed");
	truth("{\"kind\": \"path_conflict\", \"port\": 0, \"count\": 1}",
	      "\"unix_bind_failed\": 1");
	give_up();
}

/* A server that has ended, and one that never existed. Single looks at other paths do not count. */
static void no_server(void)
{
	close(listen_at("gone.sock"));
	if (connect_to("gone.sock") >= 0 || connect_to("/run/nobody/socket") >= 0)
		die("connect without a server");
	for (int i = 0; i < 6; i++)
		if (connect_to("never.sock") >= 0 ||
		    connect_to("/run/nobody/dbus/system_bus_socket") >= 0 ||
		    connect_to("/run/nobody/nscd/socket") >= 0)
			die("connect without a server");
	truth("{\"kind\": \"no_server\", \"port\": 0, \"count\": 1}, {\"kind\": \"no_server\", "
	      "\"port\": 0, \"count\": 6}",
	      "\"unix_connect_failed\": 20");
	exit(1);
}

/* ---- datagrams ---- */

static struct sockaddr_in at(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons((uint16_t)port),
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void serve_udp(void) /* no oracle: a server outside the run, until it is killed */
{
	struct sockaddr_in address = at(argument);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die("bind");
	serve_for_ever();
}

/* to its own server, back from it, and to a port without a socket */
static void clean_datagrams(void)
{
	int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = at(argument), from;
	socklen_t len = sizeof(from);
	char byte = 0;

	if (bind(server, (struct sockaddr *)&address, sizeof(address)) ||
	    sendto(client, &byte, 1, 0, (struct sockaddr *)&address, sizeof(address)) != 1 ||
	    recvfrom(server, &byte, 1, 0, (struct sockaddr *)&from, &len) != 1 ||
	    sendto(server, &byte, 1, 0, (struct sockaddr *)&from, len) != 1)
		die("datagrams");
	address = at(argument + 1);
	sendto(client, &byte, 1, 0, (struct sockaddr *)&address, sizeof(address));
	close(client);
	close(server);
	truth("", "\"opened_udp\": 2");
}

static void tell_foreign(void)
{
	char text[120];

	snprintf(text, sizeof(text),
	         "{\"kind\": \"foreign_connection\", \"port\": %d, \"count\": 1}", argument);
	truth(text, "\"opened_udp\": 1, \"connected\": 0");
}

static void foreign_datagram(void)
{
	struct sockaddr_in address = at(argument);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (int i = 0; i < 3; i++)
		if (sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) != 1)
			die("sendto");
	tell_foreign();
}

static void foreign_connected(void) /* by connect(2) and send(2) */
{
	struct sockaddr_in address = at(argument);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) || send(fd, "x", 1, 0) != 1)
		die("send");
	close(fd);
	tell_foreign();
}

/* ---- io_uring ---- */

enum { OP_BIND = 56 }; /* enum io_uring_op of Linux 6.11 */

static int by_ring(int op, int fd, const void *address, size_t len)
{
	static struct io_uring ring;
	static bool open;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int ret;

	if (!open && io_uring_queue_init(8, &ring, 0))
		exit(77);
	open = true;
	sqe = io_uring_get_sqe(&ring);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = (unsigned char)op;
	sqe->fd = fd;
	sqe->addr = (unsigned long)address;
	if (op == IORING_OP_SEND) {
		sqe->len = (unsigned int)len;
		sqe->msg_flags = MSG_NOSIGNAL;
	} else {
		sqe->off = len; /* addr2, of connect and bind */
	}
	io_uring_submit(&ring);
	if (io_uring_wait_cqe(&ring, &cqe))
		die("io_uring_wait_cqe");
	ret = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	if (ret == -EINVAL)
		exit(77);
	return ret;
}

static void uring_bind(void)
{
	int first = socket(AF_INET, SOCK_STREAM, 0), second = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = at(argument);
	char text[120];

	if (bind(first, (struct sockaddr *)&address, sizeof(address)) || listen(first, 1) ||
	    by_ring(OP_BIND, second, &address, sizeof(address)) != -EADDRINUSE)
		die("only the first should get the port");
	snprintf(text, sizeof(text), "{\"kind\": \"port_conflict\", \"port\": %d, \"count\": 1}",
	         argument);
	truth(text, "\"bind_failed\": 1, \"eaddrinuse\": 1");
	exit(1);
}

static void uring_connect(void)
{
	struct sockaddr_in address = at(argument);
	socklen_t len;
	struct sockaddr_un missing = path("never.sock", &len);

	for (int i = 0; i < 4; i++)
		if (by_ring(IORING_OP_CONNECT, socket(AF_INET, SOCK_STREAM, 0), &address,
		            sizeof(address)) != -ECONNREFUSED)
			die("connect without a server");
	if (by_ring(IORING_OP_CONNECT, socket(AF_UNIX, SOCK_STREAM, 0), &missing, len) != -ENOENT)
		die("connect without a server");
	truth("", "\"connect_failed\": 4, \"econnrefused\": 4, \"unix_connect_failed\": 1");
}

static void uring_send(void)
{
	struct sockaddr_in address = at(0);
	socklen_t len = sizeof(address);
	int server = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(server, (struct sockaddr *)&address, len) || listen(server, 8) ||
	    getsockname(server, (struct sockaddr *)&address, &len))
		die("listen");
	for (int i = 0; i < 25; i++) {
		int client = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(client, (struct sockaddr *)&address, len))
			die("connect");
		close(accept(server, NULL, NULL));
		shutdown(client, SHUT_WR);
		if (by_ring(IORING_OP_SEND, client, "x", 1) != -EPIPE)
			die("send should have failed with EPIPE");
		close(client);
	}
	truth("{\"kind\": \"error_rate\", \"port\": 0, \"count\": 25}", "\"epipe\": 25");
}

static const struct oracle {
	const char *name;
	void (*run)(void);
} oracles[] = {
#define ORACLE(name) \
	{ \
#name, name \
	}
	ORACLE(clean_unix),       ORACLE(leaked_unix),       ORACLE(leaked_abstract),
	ORACLE(taken_path),       ORACLE(stale_path),        ORACLE(no_server),
	ORACLE(cross_unix),       ORACLE(serve_udp),         ORACLE(clean_datagrams),
	ORACLE(foreign_datagram), ORACLE(foreign_connected), ORACLE(uring_bind),
	ORACLE(uring_connect),    ORACLE(uring_send),
};

int main(int argc, char **argv)
{
	argument = argc > 2 ? atoi(argv[2]) : 0;
	for (size_t i = 0; i < sizeof(oracles) / sizeof(*oracles); i++)
		if (argc > 1 && !strcmp(argv[1], oracles[i].name)) {
			oracles[i].run();
			return 0;
		}
	return 125;
}
