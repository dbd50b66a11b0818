/* SPDX-License-Identifier: MIT */
/*
 * A client that binds a source port of its own is seen by its server under that port, whichever way
 * the server accepts.
 */
#include "t.h"
#include <sys/syscall.h>

enum { PORT = 4060 };

static int with_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	return accept(fd, sa, len);
}
static int with_accept4(int fd, struct sockaddr *sa, socklen_t *len)
{
	return accept4(fd, sa, len, SOCK_CLOEXEC);
}

static int with_syscall(int fd, struct sockaddr *sa, socklen_t *len)
{
	return (int)syscall(SYS_accept4, fd, sa, len, SOCK_CLOEXEC);
}

static const struct {
	const char *name;
	int (*call)(int, struct sockaddr *, socklen_t *);
} ways[] = {
	{ "accept", with_accept },
	{ "accept4", with_accept4 },
	{ "SYS_accept4", with_syscall },
};

static void meet(const char *bound, const char *host, const char *client_name, const char *seen)
{
	int server = FD(listen_on(bound, PORT));

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct addr from = { .len = sizeof(from.ss) };
		int client = socket_for(host, SOCK_STREAM), served;

		say("%s\n", ways[i].name);
		set_option(client, SOL_SOCKET, SO_REUSEADDR, 1);
		WANT(0, bind_to(client, host, PORT + 1));
		WANT(0, connect_to(client, host, PORT));
		IS(client_name, name_of(client));
		served = FD(ways[i].call(server, &from.sa, &from.len));
		IS(seen, show(&from));
		IS(seen, peer_of(served));
		pass_byte(client, served, 's');
		/* end by a reset, so that neither side stays in TIME_WAIT */
		MUST(setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
		                sizeof(struct linger)));
		WANT(0, close(client));
		FAILS(ECONNRESET, read(served, &from, 1));
		close(served);
	}
	close(server);
}

int main(void)
{
	meet("127.0.0.1", "127.0.0.1", "127.0.0.1:4061", "127.0.0.1:4061");
	meet("0.0.0.0", "127.0.0.1", "127.0.0.1:4061", "127.0.0.1:4061");
	if (have_ipv6()) {
		meet("::1", "::1", "[::1]:4061", "[::1]:4061");
		meet("::", "127.0.0.1", "127.0.0.1:4061", "[::ffff:127.0.0.1]:4061");
	}
	return 0;
}
