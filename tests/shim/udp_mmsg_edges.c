/* SPDX-License-Identifier: MIT */
/*
 * sendmmsg and recvmmsg at their edges: none, too many, a bad message in the middle, a bad vector,
 * a timeout, more than a thousand.
 */
#include "t.h"
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum { PORT = 4120, COUNT = 90, MANY = 1100 };

static struct mmsghdr messages[COUNT];
static struct iovec data = { (char *)"x", 1 };

static int drain(int fd)
{
	char byte;
	int count = 0;

	while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1)
		count++;
	return count;
}

static void prepare(struct addr *to)
{
	for (int i = 0; i < COUNT; i++)
		messages[i] = (struct mmsghdr){ .msg_len = 77,
			                        .msg_hdr = { .msg_name = &to->sa,
			                                     .msg_namelen = to->len,
			                                     .msg_iov = &data,
			                                     .msg_iovlen = 1 } };
}

/*
 * recvmmsg takes more than the 1024 that sendmmsg is cut to. The sender sees to it that nothing is
 * lost for want of space.
 */
static void receive_many(int server, struct addr *to)
{
	static struct mmsghdr many[MANY];
	static struct addr from[MANY];
	int client = udp_on("127.0.0.1", PORT + 1), queued;
	pid_t pid = (pid_t)MUST(fork());

	for (int i = 0; !pid && i < MANY; i++) {
		MUST(sendto(client, "x", 1, 0, &to->sa, to->len));
		while (MUST(ioctl(server, SIOCINQ, &queued)) == 0 && queued)
			sched_yield();
	}
	if (!pid)
		_exit(0);
	for (int i = 0; i < MANY; i++)
		many[i].msg_hdr = (struct msghdr){ .msg_name = &from[i].ss,
			                           .msg_namelen = sizeof(from[i].ss),
			                           .msg_iov = &data,
			                           .msg_iovlen = 1 };
	WANT(MANY, recvmmsg(server, many, MANY, 0, NULL));
	for (int i = 0; i < MANY; i++)
		if (port_in(&from[i]) != PORT + 1)
			FAIL("message %d: want port %d; got %d", i, PORT + 1, port_in(&from[i]));
	reap(pid);
}

int main(void)
{
	struct addr to = addr("127.0.0.1", PORT);
	int server = FD(udp_on("127.0.0.1", PORT)), client = FD(socket(AF_INET, SOCK_DGRAM, 0));
	char *wall = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct timespec soon = { 0, 1000000 };
	char byte;

	MUST(mprotect(wall + 4096, 4096, PROT_NONE));
	prepare(&to);
	WANT(0, sendmmsg(client, messages, 0, 0));
	WANT(0, recvmmsg(server, messages, 0, MSG_DONTWAIT, NULL));

	/*
	 * the 71st has a name that cannot be read: 70 go out, the error is returned by the next
	 * call
	 */
	messages[70].msg_hdr.msg_name = wall + 4096;
	WANT(70, sendmmsg(client, messages, COUNT, 0));
	EQ(77, messages[70].msg_len);
	EQ(1, messages[69].msg_len);
	EQ(70, drain(server));
	FAILS(EFAULT, sendmmsg(client, messages + 70, COUNT - 70, 0));
	for (int bad = 15; bad < 18; bad++) {
		prepare(&to);
		messages[bad].msg_hdr.msg_name = wall + 4096;
		WANT(bad, sendmmsg(client, messages, COUNT, 0));
		EQ(bad, drain(server));
	}

	/* the first has a short name */
	prepare(&to);
	messages[0].msg_hdr.msg_namelen = 3;
	FAILS(EINVAL, sendmmsg(client, messages, COUNT, 0));

	/* the vector runs into the wall after its second message */
	prepare(&to);
	memcpy(wall + 4096 - 2 * sizeof(*messages), messages, 2 * sizeof(*messages));
	WANT(2, sendmmsg(client, (void *)(wall + 4096 - 2 * sizeof(*messages)), 5, 0));
	EQ(2, drain(server));
	FAILS(EFAULT, sendmmsg(client, (void *)(wall + 4096), 1, 0));
	FAILS(EFAULT, recvmmsg(server, (void *)(wall + 4096), 1, MSG_DONTWAIT, NULL));
	FAILS(EBADF, sendmmsg(-1, messages, COUNT, 0));
	FAILS(EAGAIN, recvmmsg(server, messages, COUNT, MSG_DONTWAIT, NULL));

	prepare(&to);
	WANT(2, sendmmsg(client, messages, 2, 0));
	data.iov_base = &byte;
	for (int i = 0; i < COUNT; i++)
		messages[i].msg_hdr.msg_name = NULL;
	WANT(2, recvmmsg(server, messages, COUNT, MSG_WAITFORONE, &soon));
	receive_many(server, &to);
	return 0;
}
