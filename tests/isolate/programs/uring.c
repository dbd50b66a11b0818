/* SPDX-License-Identifier: MIT */
/*
 * bind, listen, connect and accept through io_uring, which no hook of system calls sees. Prints
 * what the server and the peer are called. Exit status 77 if the kernel has no io_uring, or none
 * that binds (before Linux 6.11).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 4970, OP_BIND = 56, OP_LISTEN = 57 }; /* enum io_uring_op of Linux 6.11 */

static struct io_uring ring;

/* Submit the request that @sqe is and wait for its result. */
static int result(struct io_uring_sqe *sqe)
{
	struct io_uring_cqe *cqe;
	int ret;

	(void)sqe;
	io_uring_submit(&ring);
	if (io_uring_wait_cqe(&ring, &cqe))
		return -EIO;
	ret = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return ret;
}

static int bind_by_ring(int fd, struct sockaddr_in *address)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = OP_BIND;
	sqe->fd = fd;
	sqe->addr = (unsigned long)address;
	sqe->addr2 = sizeof(*address);
	return result(sqe);
}

static int listen_by_ring(int fd)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = OP_LISTEN;
	sqe->fd = fd;
	sqe->len = 4;
	return result(sqe);
}

static int port_of(int (*call)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_in address = { 0 };
	socklen_t len = sizeof(address);

	return call(fd, (struct sockaddr *)&address, &len) ? -1 : ntohs(address.sin_port);
}

static int fail(const char *what, int ret)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	return 1;
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0),
	    served, ret;
	struct io_uring_sqe *sqe;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (io_uring_queue_init(8, &ring, 0)) {
		puts("skip: no io_uring");
		return 77;
	}
	ret = bind_by_ring(server, &address);
	if (ret == -EINVAL) {
		puts("skip: this io_uring cannot bind");
		return 77;
	}
	if (ret || (ret = listen_by_ring(server)))
		return fail("bind or listen", ret);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_connect(sqe, client, (struct sockaddr *)&address, sizeof(address));
	ret = result(sqe);
	if (ret)
		return fail("connect", ret);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_accept(sqe, server, NULL, NULL, 0);
	served = result(sqe);
	if (served < 0)
		return fail("accept", served);
	printf("server %d peer %d served %d\n", port_of(getsockname, server),
	       port_of(getpeername, client), port_of(getsockname, served));
	fflush(stdout);
	pause(); /* hold the port until the test ends us */
	return 0;
}
