/* SPDX-License-Identifier: MIT */
/*
 * Functions that a program asks libc for by dlsym: through the library's file name, as ctypes, JNA
 * and Fiddle do, through a library that needs it, and as the next definition behind its own.
 */
#include "t.h"
#include <dlfcn.h>
#include <gnu/lib-names.h>

enum { PORT = 4880 };

typedef int (*connect_fn)(int, const struct sockaddr *, socklen_t);

static void reach(void *library, int port)
{
	int server = FD(listen_on("127.0.0.1", port)),
	    client = (int)MUST(socket(AF_INET, SOCK_STREAM, 0));
	struct addr to = addr("127.0.0.1", port);
	connect_fn by_handle;

	if (!library)
		FAIL("dlopen: %s", dlerror());
	*(void **)&by_handle = dlsym(library, "connect");
	WANT(0, by_handle(client, &to.sa, to.len));
	pass_byte(client, FD(accept(server, NULL, NULL)), 'h');
	EQ(0, dlclose(library));
}

/* Interposes, and calls what is behind it. */
int getpeername(int fd, struct sockaddr *restrict sa, socklen_t *restrict len)
{
	int (*next)(int, struct sockaddr *, socklen_t *);
	*(void **)&next = dlsym(RTLD_NEXT, "getpeername");

	return next(fd, sa, len);
}

int main(void)
{
	int server = FD(listen_on("127.0.0.1", PORT + 2)),
	    client = FD(client_of("127.0.0.1", PORT + 2));
	struct addr peer;

	reach(dlopen(LIBC_SO, RTLD_NOW), PORT);
	reach(dlopen(LIBPTHREAD_SO, RTLD_NOW), PORT + 1);
	peer = peer_addr(client);
	EQ(PORT + 2, port_in(&peer));
	EQ(1, dlsym(RTLD_DEFAULT, "no_such_function") == NULL);
	close(server);
	return 0;
}
