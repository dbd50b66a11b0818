/* SPDX-License-Identifier: MIT */
/*
 * Bad pointers are EFAULT, never a crash: NULL, (void *)-1, a page without rights, an address that
 * runs into one.
 */
#include "t.h"
#include <sys/mman.h>

enum { PORT = 4550 };

static void names(void *bad)
{
	int fd = socket_for("127.0.0.1", SOCK_STREAM);
	socklen_t len = 16;

	FAILS(EFAULT, getsockname(fd, bad, &len));
	EQ(16, len);
	FAILS(EFAULT, getsockname(fd, &(struct sockaddr){ 0 }, bad));
}

static void addresses(const char *what, struct sockaddr *bad)
{
	int tcp = socket_for("127.0.0.1", SOCK_STREAM), udp = socket_for("127.0.0.1", SOCK_DGRAM);
	struct iovec data = { (char *)"x", 1 };
	struct msghdr m = { .msg_name = bad, .msg_namelen = 16, .msg_iov = &data, .msg_iovlen = 1 };

	say("%s\n", what);
	FAILS(EFAULT, bind(tcp, bad, 16));
	FAILS(EFAULT, connect(tcp, bad, 16));
	FAILS(EFAULT, bind(udp, bad, 16));
	FAILS(EFAULT, connect(udp, bad, 16));
	FAILS(EINVAL, bind(tcp, bad, 0));
	FAILS(EINVAL, bind(tcp, bad, (socklen_t)-1));
	if (bad) {
		FAILS(EFAULT, sendto(udp, "x", 1, 0, bad, 16));
		FAILS(EFAULT, sendmsg(udp, &m, 0));
		FAILS(EFAULT, sendmsg(udp, (struct msghdr *)(void *)bad, 0));
	} else {
		FAILS(EDESTADDRREQ, sendto(udp, "x", 1, 0, bad, 16));
		FAILS(EDESTADDRREQ, sendmsg(udp, &m, 0));
		FAILS(EFAULT, sendmsg(udp, NULL, 0));
	}
	close(tcp);
	close(udp);
}

/* every bad answer still takes the connection or the datagram from the queue, as bare */
static void answers(const char *what, void *bad)
{
	struct addr to = addr("127.0.0.1", PORT + 1);
	int server = listen_on("127.0.0.1", PORT), client = (int)MUST(client_of("127.0.0.1", PORT)),
	    served;
	int udp = udp_on("127.0.0.1", PORT + 1), sender = socket_for("127.0.0.1", SOCK_DGRAM);
	char byte;
	socklen_t len = 16;
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_name = bad, .msg_namelen = 16, .msg_iov = &data, .msg_iovlen = 1 };

	say("answers into %s\n", what);
	FAILS(EFAULT, getpeername(client, bad, &len));
	FAILS(EFAULT, getpeername(client, &to.sa, bad));
	to = addr("127.0.0.1", PORT + 1);
	if (bad)
		FAILS(EFAULT, accept(server, bad, &len));
	FAILS(EFAULT, accept((client_of("127.0.0.1", PORT), server), &(struct sockaddr){ 0 }, bad));
	FD(client = client_of("127.0.0.1", PORT));
	FAILS(EFAULT, accept4(server, &(struct sockaddr){ 0 }, bad ? bad : NULL, 0));
	FD(client = client_of("127.0.0.1", PORT));
	served = FD(accept(server, NULL, NULL));
	close(served);
	MUST(sendto(sender, "x", 1, 0, &to.sa, to.len));
	if (bad)
		FAILS(EFAULT, recvfrom(udp, &byte, 1, 0, bad, &len));
	else
		WANT(1, recvfrom(udp, &byte, 1, 0, bad, &len));
	MUST(sendto(sender, "x", 1, 0, &to.sa, to.len));
	FAILS(EFAULT, recvfrom(udp, &byte, 1, 0, &to.sa, bad));
	to = addr("127.0.0.1", PORT + 1);
	MUST(sendto(sender, "x", 1, 0, &to.sa, to.len));
	if (bad)
		FAILS(EFAULT, recvmsg(udp, &m, 0));
	else
		WANT(1, recvmsg(udp, &m, 0));
	FAILS(EFAULT, recvmsg(udp, bad, MSG_DONTWAIT));
	close(server);
	close(udp);
	close(sender);
}

int main(void)
{
	struct addr a = addr("127.0.0.1", PORT);
	char *wall = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(mprotect(wall + 4096, 4096, PROT_NONE));
	addresses("NULL", NULL);
	names(NULL);
	addresses("-1", (void *)-1);
	addresses("in page 0", (void *)16);
	names((void *)16);
	names((void *)-1);
	addresses("a page without rights", (void *)(wall + 4096));
	names(wall + 4096);
	memcpy(wall + 4096 - 8, &a.sa, 8);
	addresses("half an address before such a page", (void *)(wall + 4096 - 8));
	answers("NULL", NULL);
	answers("-1", (void *)-1);
	answers("a page without rights", wall + 4096);

	/* a whole address right before the wall is fine: nothing behind it may be read */
	memcpy(wall + 4096 - 16, &a.sa, 16);
	WANT(0, bind(socket_for("127.0.0.1", SOCK_DGRAM), (void *)(wall + 4096 - 16), 16));
	WANT(0, connect(socket_for("127.0.0.1", SOCK_DGRAM), (void *)(wall + 4096 - 16), 16));
	FAILS(EFAULT, bind(socket_for("127.0.0.1", SOCK_DGRAM), (void *)(wall + 4096 - 16), 17));
	return 0;
}
