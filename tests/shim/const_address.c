/* SPDX-License-Identifier: MIT */
/*
 * Bug 9: the caller's sockaddr is modified (graftcp#70, ld-preload-socket): addresses, headers and
 * vectors stay as they were, also when they lie in a page that cannot be written.
 */
#include "t.h"
#include <sys/mman.h>

enum { PORT = 4600 };

struct page {
	struct addr there, here;
	struct iovec data;
	struct msghdr m;
};

static void use(const struct page *p)
{
	int server = socket_for("127.0.0.1", SOCK_STREAM),
	    client = socket_for("127.0.0.1", SOCK_STREAM);
	int udp = socket_for("127.0.0.1", SOCK_DGRAM), sender = socket_for("127.0.0.1", SOCK_DGRAM);

	set_option(server, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind(server, &p->there.sa, p->there.len));
	WANT(0, listen(server, 5));
	WANT(0, connect(client, &p->there.sa, p->there.len));
	WANT(0, bind(udp, &p->there.sa, p->there.len));
	WANT(0, bind(sender, &p->here.sa, p->here.len));
	WANT(1, sendto(sender, "x", 1, 0, &p->there.sa, p->there.len));
	WANT(1, sendmsg(sender, &p->m, 0));
	FAILS(EADDRINUSE, bind(socket_for("127.0.0.1", SOCK_STREAM), &p->there.sa, p->there.len));
	WANT(0, connect(sender, &p->there.sa, p->there.len));
	close(server);
	FAILS(ECONNREFUSED,
	      connect(socket_for("127.0.0.1", SOCK_STREAM), &p->there.sa, p->there.len));
	close(client);
	close(udp);
	close(sender);
}

int main(void)
{
	struct page *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	                      0),
		    before;

	p->there = addr("127.0.0.1", PORT);
	p->here = addr("127.0.0.1", PORT + 1);
	p->data = (struct iovec){ (char *)"x", 1 };
	p->m = (struct msghdr){ .msg_name = &p->there.sa,
		                .msg_namelen = p->there.len,
		                .msg_iov = &p->data,
		                .msg_iovlen = 1 };
	memcpy(&before, p, sizeof(before));
	use(p);
	EQ(0, memcmp(&before, p, sizeof(before)));
	MUST(mprotect(p, 4096, PROT_READ));
	use(p);
	return 0;
}
