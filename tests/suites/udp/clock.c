// SPDX-License-Identifier: MIT
/*
 * A clock for ships: answers datagrams on port 8501, on 127.0.0.1 and on ::1.
 * "tick" gives the next number, "whoami" the sender's port, "burst N" N answers in one sendmmsg
 * call, "pid" our process id, "late" an answer after 0.7 s. Anything else is echoed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 8501, BURST_MAX = 16 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int open_socket(int family)
{
	union address local = { 0 };
	socklen_t length = family == AF_INET ? sizeof(local.v4) : sizeof(local.v6);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	if (family == AF_INET) {
		local.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PORT) };
		local.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else {
		local.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
			                          .sin6_port = htons(PORT) };
		local.v6.sin6_addr = in6addr_loopback;
	}
	if (bind(fd, &local.any, length) < 0)
		err(1, "bind port %d", PORT);
	return fd;
}

static void send_burst(int fd, int count, union address *peer, socklen_t length)
{
	struct mmsghdr messages[BURST_MAX] = { 0 };
	struct iovec parts[BURST_MAX];
	char texts[BURST_MAX][16];

	if (count < 1 || count > BURST_MAX)
		count = BURST_MAX;
	for (int i = 0; i < count; i++) {
		parts[i].iov_base = texts[i];
		parts[i].iov_len = (size_t)snprintf(texts[i], sizeof(texts[i]), "burst %d", i + 1);
		messages[i].msg_hdr.msg_name = peer;
		messages[i].msg_hdr.msg_namelen = length;
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	if (sendmmsg(fd, messages, (unsigned int)count, 0) != count)
		warn("sendmmsg");
}

static void answer(int fd, char *request, union address *peer, socklen_t length)
{
	static int ticks;
	char text[512];

	if (!strncmp(request, "burst ", 6)) {
		send_burst(fd, atoi(request + 6), peer, length);
		return;
	}
	if (!strcmp(request, "tick"))
		snprintf(text, sizeof(text), "%d", ++ticks);
	else if (!strcmp(request, "pid"))
		snprintf(text, sizeof(text), "%d", (int)getpid());
	else if (!strcmp(request, "whoami"))
		snprintf(text, sizeof(text), "%d",
		         ntohs(peer->any.sa_family == AF_INET ? peer->v4.sin_port
		                                              : peer->v6.sin6_port));
	else
		snprintf(text, sizeof(text), "%s", request);
	if (!strcmp(request, "late"))
		usleep(700000);
	if (sendto(fd, text, strlen(text), 0, &peer->any, length) < 0)
		warn("sendto");
}

static void serve(int fd)
{
	union address peer;
	char request[512];
	struct iovec part = { .iov_base = request, .iov_len = sizeof(request) - 1 };
	struct msghdr message = {
		.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	ssize_t count = recvmsg(fd, &message, 0);

	if (count < 0)
		return;
	request[count] = '\0';
	answer(fd, request, &peer, message.msg_namelen);
}

int main(void)
{
	struct pollfd sockets[] = {
		{ .fd = open_socket(AF_INET), .events = POLLIN },
		{ .fd = open_socket(AF_INET6), .events = POLLIN },
	};

	puts("ready");
	fflush(stdout);
	while (poll(sockets, 2, -1) > 0)
		for (int i = 0; i < 2; i++)
			if (sockets[i].revents)
				serve(sockets[i].fd);
	return 1;
}
