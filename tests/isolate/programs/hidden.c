/* SPDX-License-Identifier: MIT */
/*
 * A program that is not dumpable, as programs that hold secrets are. Binds what its argument
 * names: tcp or unix.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "tcp";
	struct sockaddr_in four = { .sin_family = AF_INET,
		                    .sin_port = htons(4985),
		                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un path = { .sun_family = AF_UNIX, .sun_path = "\0berth-hidden" };
	int fd = socket(*what == 'u' ? AF_UNIX : AF_INET, SOCK_STREAM, 0), ret;

	prctl(PR_SET_DUMPABLE, 0);
	if (*what == 'u')
		ret = bind(fd, (struct sockaddr *)&path, sizeof(path));
	else
		ret = bind(fd, (struct sockaddr *)&four, sizeof(four));
	printf("%s: %s\n", what, ret ? strerror(errno) : "bound");
	return ret != 0;
}
