/* SPDX-License-Identifier: MIT */
/* A user's preload library, the first of two: notes each bind that passes and the port it sees. */
#include "t.h"
#include <dlfcn.h>

static char trail[64];

/* count_note: the second library adds its own mark here. */
void count_note(char mark, int port);
void count_note(char mark, int port)
{
	size_t len = strlen(trail);

	snprintf(trail + len, sizeof(trail) - len, "%c%d ", mark, port);
}

const char *count_trail(void);
const char *count_trail(void)
{
	return trail;
}

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	int (*next)(int, const struct sockaddr *, socklen_t);

	*(void **)&next = dlsym(RTLD_NEXT, "bind");
	count_note('A', ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port));
	return next(fd, sa, len);
}
