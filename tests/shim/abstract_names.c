/* SPDX-License-Identifier: MIT */
/*
 * Abstract socket names of every length are bound once, connected to, and come back as they are,
 * whole and cut off; a name that begins with another one is another name.
 */
#include "t.h"

enum { HEAD = offsetof(struct sockaddr_un, sun_path) + 1, CANARY = 0xc5 };

/* A name of @len bytes, of which the last @zeros are 0. */
static struct addr name_of_len(char first, unsigned len, unsigned zeros)
{
	struct addr a = { .un.sun_family = AF_UNIX, .len = (socklen_t)(HEAD + len) };

	for (unsigned i = 0; i < len - zeros; i++)
		a.un.sun_path[1 + i] = (char)(i ? 'a' + i % 26 : (unsigned char)first);
	return a;
}

static void same_name(const struct addr *want, int fd, bool peer)
{
	for (unsigned space = 0; space <= sizeof(struct sockaddr_storage); space++) {
		struct addr got;
		socklen_t len = space;
		unsigned char *byte = (unsigned char *)&got.ss;
		unsigned filled = space < want->len ? space : want->len;

		memset(&got, CANARY, sizeof(got));
		MUST((peer ? getpeername : getsockname)(fd, &got.sa, &len));
		if (len != want->len || memcmp(byte, &want->ss, filled))
			FAIL("%u bytes: want length %u; got %u, or another name", space, want->len,
			     len);
		for (unsigned i = filled; i < sizeof(got.ss); i++)
			if (byte[i] != CANARY && i >= space)
				FAIL("%u bytes: byte %u was written", space, i);
	}
}

static void serve(const struct addr *there, int type)
{
	int server = FD(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)),
	    client = FD(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)), served;

	say("length %u, type %d\n", there->len, type);
	FAILS(ECONNREFUSED, connect(client, &there->sa, there->len));
	WANT(0, bind(server, &there->sa, there->len));
	FAILS(ECONNREFUSED, connect(client, &there->sa, there->len));
	WANT(0, listen(server, 5));
	FAILS(EADDRINUSE, bind(client, &there->sa, there->len));
	FAILS(EINVAL, bind(server, &there->sa, there->len));
	WANT(0, connect(client, &there->sa, there->len));
	served = FD(accept(server, NULL, NULL));
	same_name(there, server, false);
	same_name(there, served, false);
	same_name(there, client, true);
	pass_byte(client, served, 'n');
	close(client);
	close(served);
	close(server);
	client = FD(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
	FAILS(ECONNREFUSED, connect(client, &there->sa, there->len));
	close(client);
}

int main(void)
{
	static const unsigned lens[] = { 0, 1, 2, 5, 13, 20, 93, 94, 95, 96, 106, 107 };
	const struct addr with_zero = name_of_len('z', 8, 1), without = name_of_len('z', 7, 0);
	int both[2];

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		struct addr full = name_of_len('f', lens[i], 0),
			    padded = name_of_len('p', lens[i], lens[i] / 2);

		serve(&full, SOCK_STREAM);
		serve(&padded, SOCK_STREAM);
		if (lens[i] > 1)
			serve(&full, SOCK_SEQPACKET);
	}
	both[0] = FD(socket(AF_UNIX, SOCK_STREAM, 0));
	both[1] = FD(socket(AF_UNIX, SOCK_STREAM, 0));
	WANT(0, bind(both[0], &with_zero.sa, with_zero.len));
	WANT(0, bind(both[1], &without.sa, without.len));
	same_name(&with_zero, both[0], false);
	same_name(&without, both[1], false);
	FAILS(EINVAL,
	      bind(socket(AF_UNIX, SOCK_STREAM, 0), &with_zero.sa, sizeof(struct sockaddr_un) + 1));
	FAILS(EFAULT, bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)8, with_zero.len));
	FAILS(EFAULT, connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)8, with_zero.len));
	return 0;
}
