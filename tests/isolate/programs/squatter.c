/* SPDX-License-Identifier: MIT */
/*
 * squatter FIRST LAST [listen]: hold every TCP port of a range on loopback, by bind alone or by
 * listening too, until ended.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int held = 0;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int port = atoi(argv[1]); port <= atoi(argv[2]); port++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		address.sin_port = htons((unsigned short)port);
		if (!bind(fd, (struct sockaddr *)&address, sizeof(address)) &&
		    !(argc > 3 && listen(fd, 1)))
			held++;
	}
	printf("%d\n", held);
	fflush(stdout);
	pause();
	return 0;
}
