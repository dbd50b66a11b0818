/* SPDX-License-Identifier: MIT */
/*
 * A port that the kernel chose is named later: a second bind of it is EADDRINUSE and does not
 * take the clients away, its twin of the other family is the same port, and one that was looked up,
 * served on and given up is still the kernel's.
 */
#include "t.h"

enum { TRIES = 300000 };

static int kernels_port(int type)
{
	/* how often is chance: nothing is printed */
	int fd = (int)MUST(socket(AF_INET, type, 0));

	MUST(bind_to(fd, "127.0.0.1", 0));
	return fd;
}

static int port_of(int fd)
{
	return port_in((struct addr[]){ name_addr(fd) });
}

static void reaches(int server, const char *host, int port)
{
	struct addr there = addr(host, port);
	int client = FD(socket(there.sa.sa_family, SOCK_STREAM, 0)), served;

	WANT(0, connect(client, &there.sa, there.len));
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'k');
	close(client);
	close(served);
}

static void named_twice(void)
{
	int server = kernels_port(SOCK_STREAM), port = port_of(server),
	    second = FD(socket(AF_INET, SOCK_STREAM, 0)), twin;

	WANT(0, listen(server, 5));
	FAILS(EADDRINUSE, bind_to(second, "127.0.0.1", port));
	reaches(server, "127.0.0.1", port);
	twin = FD(listen_on("::1", port));
	reaches(server, "127.0.0.1", port);
	reaches(twin, "::1", port);
	EQ(1, port_of(twin) == port);
}

static void given_again(void)
{
	int server = kernels_port(SOCK_STREAM), port = port_of(server);
	struct addr there = addr("127.0.0.1", port);

	close(server);
	close(FD(listen_on("127.0.0.1", port)));
	for (int i = 0; i < TRIES; i++) {
		server = kernels_port(SOCK_STREAM);
		if (port_of(server) == port) {
			int client = (int)MUST(socket(AF_INET, SOCK_STREAM, 0));

			MUST(listen(server, 5));
			MUST(connect(client, &there.sa, there.len));
			break;
		}
		close(server);
	}
}

int main(void)
{
	named_twice();
	given_again();
	return 0;
}
