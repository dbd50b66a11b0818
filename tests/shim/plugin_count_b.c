/* SPDX-License-Identifier: MIT */
/* A user's preload library, the second of two: its bind comes after the first one's. */
#include "t.h"
#include <dlfcn.h>

void count_note(char mark, int port);

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	int (*next)(int, const struct sockaddr *, socklen_t);

	*(void **)&next = dlsym(RTLD_NEXT, "bind");
	count_note('B', ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port));
	return next(fd, sa, len);
}
