/* SPDX-License-Identifier: MIT */
/*
 * accept, getsockname, getpeername with short buffers: the true length is returned, no byte behind
 * the buffer is touched, and what fits is what a full answer starts with (tnat64 PR#8).
 */
#include "t.h"

enum { PORT = 4570, CANARY = 0xc5 };

typedef int call(int, struct sockaddr *, socklen_t *);

static int accept_one(int fd, struct sockaddr *sa, socklen_t *len)
{
	int served;

	client_of("127.0.0.1", PORT);
	errno = ERRNO_BEFORE;
	served = accept(fd, sa, len);
	return served < 0 ? served : close(served);
}

static int accept4_one(int fd, struct sockaddr *sa, socklen_t *len)
{
	int served;

	client_of("127.0.0.1", PORT);
	errno = ERRNO_BEFORE;
	served = accept4(fd, sa, len, SOCK_CLOEXEC);
	return served < 0 ? served : close(served);
}

/* bytes 2 and 3 of an accepted client are its ephemeral port: not printed */
static void cut(const char *name, call *function, int fd, unsigned size, unsigned whole,
                bool port_known)
{
	unsigned char buffer[sizeof(struct sockaddr_storage) + 8];
	socklen_t len = size;

	memset(buffer, CANARY, sizeof(buffer));
	errno = ERRNO_BEFORE;
	if (function(fd, (struct sockaddr *)(void *)buffer, &len) || errno != ERRNO_BEFORE)
		FAIL("%s with %u bytes: want 0, errno untouched; got errno %s", name, size,
		     err_name(errno));
	if (len != whole)
		FAIL("%s with %u bytes: want length %u; got %u", name, size, whole, len);
	for (unsigned i = size < whole ? size : whole; i < sizeof(buffer); i++)
		if (buffer[i] != CANARY)
			FAIL("%s with %u bytes: byte %u was written", name, size, i);
	say("%s with %u bytes, length %u:", name, size, len);
	for (unsigned i = 0; i < size && i < whole; i++)
		if ((i == 2 || i == 3) && !port_known)
			say(" pp");
		else
			say(" %02x", buffer[i]);
	say("\n");
}

int main(void)
{
	static const unsigned sizes[] = { 0, 1, 2, 3, 4, 8, 15, 16, 17, 28, 128 };
	int server, client, six;

	server = FD(listen_on("127.0.0.1", PORT));
	six = have_ipv6() ? listen_on("::1", PORT + 1) : -1;
	client = FD(socket(AF_INET, SOCK_DGRAM, 0));
	WANT(0, connect_to(client, "127.0.0.1", PORT));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		cut("getsockname", getsockname, server, sizes[i], 16, true);
		cut("getpeername", getpeername, client, sizes[i], 16, true);
		cut("accept", accept_one, server, sizes[i], 16, false);
		cut("accept4", accept4_one, server, sizes[i], 16, false);
		if (six >= 0)
			cut("getsockname of IPv6", getsockname, six, sizes[i], 28, true);
	}
	FAILS(EINVAL, getsockname(server, &(struct sockaddr){ 0 }, &(socklen_t){ (socklen_t)-1 }));
	FAILS(EINVAL, getpeername(client, &(struct sockaddr){ 0 }, &(socklen_t){ 1U << 31 }));
	return 0;
}
