/* SPDX-License-Identifier: MIT */
/*
 * SCM_RIGHTS: a listener and a connection of another process are passed over a socket pair; names
 * and bytes are right there.
 */
#include "t.h"

enum { PORT = 4180 };

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void send_fd(int channel, int fd)
{
	char byte = 'f';
	union control control = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data,
		            .msg_iovlen = 1,
		            .msg_control = &control,
		            .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
		               .cmsg_type = SCM_RIGHTS,
		               .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	WANT(1, sendmsg(channel, &m, 0));
}

static int receive_fd(int channel)
{
	char byte;
	int fd = -1;
	union control control = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data,
		            .msg_iovlen = 1,
		            .msg_control = &control,
		            .msg_controllen = sizeof(control) };

	WANT(1, recvmsg(channel, &m, MSG_CMSG_CLOEXEC));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

int main(void)
{
	int channel[2], server, client, served;
	pid_t pid;

	WANT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel));
	pid = (pid_t)MUST(fork());
	if (!pid) {
		server = FD(listen_on("127.0.0.1", PORT));
		client = FD(client_of("127.0.0.1", PORT));
		send_fd(channel[1], server);
		send_fd(channel[1], client);
		_exit(0);
	}
	reap(pid);
	server = receive_fd(channel[0]);
	client = receive_fd(channel[0]);
	IS("127.0.0.1:4180", name_of(server));
	IS("127.0.0.1:4180", peer_of(client));
	served = FD(accept(server, NULL, NULL));
	IS("127.0.0.1:4180", name_of(served));
	pass_byte(client, served, 'p');
	client = FD(client_of("127.0.0.1", PORT));
	served = FD(accept(server, NULL, NULL));
	pass_byte(client, served, 'n');
	return 0;
}
