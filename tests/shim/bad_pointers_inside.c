/* SPDX-License-Identifier: MIT */
/*
 * Bad pointers that do not look bad: into the middle of a page without rights, and of one that is
 * unmapped. EFAULT all the same, never a crash.
 */
#include "t.h"
#include <sys/mman.h>

enum { PORT = 4900, PAGES = 16, PAGE = 4096 };

static void try_all(const char *what, void *bad)
{
	int tcp = socket_for("127.0.0.1", SOCK_STREAM), udp = udp_on("127.0.0.1", PORT), server;
	struct addr to = addr("127.0.0.1", PORT);
	struct iovec data = { (char *)"x", 1 };
	struct msghdr m = { .msg_name = bad, .msg_namelen = 16, .msg_iov = &data, .msg_iovlen = 1 };
	struct mmsghdr mm = { .msg_hdr = m };
	socklen_t len = 16;

	say("%s\n", what);
	FAILS(EFAULT, bind(tcp, bad, 16));
	FAILS(EFAULT, connect(tcp, bad, 16));
	FAILS(EFAULT, sendto(udp, "x", 1, 0, bad, 16));
	FAILS(EFAULT, sendmsg(udp, &m, 0));
	FAILS(EFAULT, sendmsg(udp, bad, 0));
	FAILS(EFAULT, sendmmsg(udp, &mm, 1, 0));
	FAILS(EFAULT, sendmmsg(udp, bad, 1, 0));
	FAILS(EFAULT, recvmsg(udp, bad, MSG_DONTWAIT));
	FAILS(EFAULT, recvmmsg(udp, bad, 1, MSG_DONTWAIT, NULL));
	FAILS(EFAULT, getsockname(udp, bad, &len));
	FAILS(EFAULT, getsockname(udp, &to.sa, bad));
	to = addr("127.0.0.1", PORT);
	MUST(sendto(udp, "x", 1, 0, &to.sa, to.len));
	FAILS(EFAULT, recvfrom(udp, &(char){ 0 }, 1, 0, bad, &len));
	MUST(sendto(udp, "x", 1, 0, &to.sa, to.len));
	FAILS(EFAULT, recvfrom(udp, &(char){ 0 }, 1, 0, &to.sa, bad));
	server = listen_on("127.0.0.1", PORT);
	MUST(client_of("127.0.0.1", PORT));
	FAILS(EFAULT, accept(server, bad, &len));
	MUST(client_of("127.0.0.1", PORT));
	FAILS(EFAULT, accept4(server, &to.sa, bad, 0));
	close(server);
	close(tcp);
	close(udp);
}

int main(void)
{
	char *wall = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (wall == MAP_FAILED)
		FAIL("mmap: %s", err_name(errno));
	try_all("a page without rights", wall + 8 * PAGE + PAGE / 2);
	MUST(munmap(wall + 4 * PAGE, 8 * PAGE));
	try_all("an unmapped page", wall + 8 * PAGE + PAGE / 2);
	return 0;
}
