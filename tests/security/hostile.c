// SPDX-License-Identifier: MIT
/*
 * A program that gave up root writes to its port map, by which a supervisor with more rights acts.
 *
 *	hostile connect PATH	connect by a rule for a socket at PATH; print the answer
 *	hostile bind PORT	map port 8080 to PORT and bind it; print the result
 *
 * It is static, so that the supervisor makes its calls under preload and seccomp.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/portmap.h"

static struct berth_portmap *own_map(void)
{
	const char *path = getenv("BERTH_MAP") ?: getenv("BERTH_VIEW");
	int fd = open(path ?: "", O_RDWR);

	return mmap(NULL, sizeof(struct berth_portmap), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void connect_to(struct berth_portmap *map, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/nowhere/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char said[64] = "";

	strcpy(map->unix_rules[0].to, path);
	strcpy(map->unix_rules[0].from, address.sun_path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		printf("refused\n");
	else if (read(fd, said, sizeof(said) - 1) >= 0)
		printf("connected: %s\n", said);
}

static void bind_to(struct berth_portmap *map, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(8080),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char line[512], line_start[32];
	FILE *table = fopen("/proc/net/tcp", "r");
	int found = 0;

	map->forward[BERTH_TCP][8080] = port;
	map->block_base = port;
	(void)!bind(fd, (struct sockaddr *)&address, sizeof(address));
	listen(fd, 1);
	snprintf(line_start, sizeof(line_start), ": 0100007F:%04X ", port);
	while (table && fgets(line, sizeof(line), table))
		found |= strstr(line, line_start) != NULL;
	printf(found ? "bound\n" : "refused\n");
}

int main(int argc, char **argv)
{
	struct berth_portmap *map = own_map();

	if (argc != 3 || map == MAP_FAILED)
		return 2;
	if (!strcmp(argv[1], "connect"))
		connect_to(map, argv[2]);
	else
		bind_to(map, (uint16_t)atoi(argv[2]));
	return 0;
}
