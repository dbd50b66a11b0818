/* SPDX-License-Identifier: MIT */
/*
 * Bug 11's cousin: hooks on a small stack. A thread with the least stack there may be binds,
 * connects, and sends and receives 1000 messages at once; a handler on an alternate stack of 8 KiB
 * does so too.
 */
#include "t.h"
#include <limits.h>
#include <pthread.h>

enum { PORT = 4840, COUNT = 1000 };

static struct mmsghdr out[COUNT], in[COUNT];
static struct iovec out_data[COUNT], in_data[COUNT];
static struct addr there, from[COUNT];
static char bytes[COUNT], got[COUNT];
static int server, client, sent, received;

static void *storm(void *unused)
{
	int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);

	if (bind(udp, &there.sa, there.len) != -1 || errno != EADDRINUSE)
		_exit(2);
	if (connect(tcp, &there.sa, there.len) != -1 || errno != ECONNREFUSED)
		_exit(3);
	sent = sendmmsg(client, out, COUNT, 0);
	received = recvmmsg(server, in, (unsigned)sent, MSG_WAITFORONE, NULL);
	close(tcp);
	close(udp);
	return unused;
}

static void on_signal(int number)
{
	int before = errno;

	(void)number;
	storm(NULL);
	errno = before;
}

static void check(void)
{
	EQ(COUNT, sent);
	EQ(COUNT, received);
	for (int i = 0; i < COUNT; i++) {
		from[i].len = in[i].msg_hdr.msg_namelen;
		if (strcmp(show(&from[i]), "127.0.0.1:4841") || got[i] != bytes[i])
			FAIL("message %d: %s, %d", i, show(&from[i]), got[i]);
		in[i].msg_hdr.msg_namelen = sizeof(from[i].ss);
	}
	memset(got, 0, sizeof(got));
	sent = received = -1;
}

int main(void)
{
	static char alternate[8192];
	stack_t stack = { .ss_sp = alternate, .ss_size = 8192 };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	pthread_attr_t attributes;
	pthread_t thread;

	there = addr("127.0.0.1", PORT);
	server = FD(udp_on("127.0.0.1", PORT));
	client = FD(udp_on("127.0.0.1", PORT + 1));
	set_option(server, SOL_SOCKET, SO_RCVBUF, 8 << 20);
	for (int i = 0; i < COUNT; i++) {
		bytes[i] = (char)i;
		out_data[i] = (struct iovec){ &bytes[i], 1 };
		in_data[i] = (struct iovec){ &got[i], 1 };
		out[i].msg_hdr = (struct msghdr){ .msg_name = &there.sa,
			                          .msg_namelen = there.len,
			                          .msg_iov = &out_data[i],
			                          .msg_iovlen = 1 };
		in[i].msg_hdr = (struct msghdr){ .msg_name = &from[i].ss,
			                         .msg_namelen = sizeof(from[i].ss),
			                         .msg_iov = &in_data[i],
			                         .msg_iovlen = 1 };
	}
	EQ(0, pthread_attr_init(&attributes));
	EQ(0, pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN));
	EQ(0, pthread_create(&thread, &attributes, storm, NULL));
	EQ(0, pthread_join(thread, NULL));
	check();
	WANT(0, sigaltstack(&stack, NULL));
	WANT(0, sigaction(SIGUSR1, &action, NULL));
	WANT(0, raise(SIGUSR1));
	check();
	return 0;
}
