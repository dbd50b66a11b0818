/* SPDX-License-Identifier: MIT */
/*
 * Names on a connected TCP stream: recvfrom gives none and says length 0, sendto ignores the one it
 * is given; the data paths work.
 */
#include "t.h"
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

enum { PORT = 4820 };

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT)), client = FD(client_of("127.0.0.1", PORT));
	int served = FD(accept(server, NULL, NULL)),
	    file = (int)MUST(memfd_create("data", MFD_CLOEXEC)), ends[2];
	struct addr elsewhere = addr("127.0.0.1", PORT + 1), from;
	char text[16];
	struct iovec data = { text, sizeof(text) };
	struct msghdr m = { .msg_name = &from.ss,
		            .msg_namelen = sizeof(from.ss),
		            .msg_iov = &data,
		            .msg_iovlen = 1 };

	memset(&from, 0x5a, sizeof(from));
	from.len = sizeof(from.ss);
	WANT(4, sendto(client, "here", 4, 0, &elsewhere.sa, elsewhere.len));
	WANT(4, recvfrom(served, text, sizeof(text), 0, &from.sa, &from.len));
	EQ(0, from.len);
	EQ(0x5a, ((unsigned char *)&from.ss)[0]);
	WANT(4, write(served, "back", 4));
	WANT(4, recvmsg(client, &m, 0));
	EQ(0, m.msg_namelen);
	WANT(4, writev(client, (struct iovec[]){ { (char *)"wr", 2 }, { (char *)"it", 2 } }, 2));
	WANT(4, readv(served, &data, 1));
	WANT(5, write(file, "files", 5));
	WANT(5, sendfile(client, file, &(off_t){ 0 }, 5));
	WANT(5, recv(served, text, sizeof(text), 0));
	MUST(pipe2(ends, O_CLOEXEC));
	WANT(6, write(ends[1], "splice", 6));
	WANT(6, splice(ends[0], NULL, client, NULL, 6, 0));
	WANT(6, read(served, text, sizeof(text)));
	WANT(0, shutdown(client, SHUT_WR));
	from.len = sizeof(from.ss);
	WANT(0, recvfrom(served, text, sizeof(text), 0, &from.sa, &from.len));
	EQ(0, from.len);
	return 0;
}
