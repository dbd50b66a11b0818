/* SPDX-License-Identifier: MIT */
/*
 * recvfrom and recvmsg with short name buffers: the true length is returned, no byte behind the
 * buffer is touched, and what fits is what a full answer starts with.
 */
#include "t.h"

enum { PORT = 4580, CANARY = 0xc5 };

static void cut(int server, int client, unsigned size, bool by_msg)
{
	struct addr to = addr("127.0.0.1", PORT);
	unsigned char buffer[sizeof(struct sockaddr_storage) + 8];
	char byte;
	socklen_t len = size;
	struct iovec data = { &byte, 1 };
	struct msghdr m = {
		.msg_name = buffer, .msg_namelen = size, .msg_iov = &data, .msg_iovlen = 1
	};
	struct mmsghdr mm = { .msg_hdr = m };
	long got;

	memset(buffer, CANARY, sizeof(buffer));
	MUST(sendto(client, "t", 1, 0, &to.sa, to.len));
	errno = ERRNO_BEFORE;
	if (!by_msg)
		got = recvfrom(server, &byte, 1, 0, (struct sockaddr *)(void *)buffer, &len);
	else if (size & 1)
		got = recvmmsg(server, &mm, 1, 0, NULL), len = mm.msg_hdr.msg_namelen;
	else
		got = recvmsg(server, &m, 0), len = m.msg_namelen;
	if (got != 1 || errno != ERRNO_BEFORE)
		FAIL("%u bytes: want 1, errno untouched; got %ld, errno %s", size, got,
		     err_name(errno));
	for (unsigned i = size < 16 ? size : 16; i < sizeof(buffer); i++)
		if (buffer[i] != CANARY)
			FAIL("%u bytes: byte %u was written", size, i);
	say("%s with %u bytes, length %u:", by_msg ? "recvmsg" : "recvfrom", size, len);
	for (unsigned i = 0; i < size && i < 16; i++)
		say(" %02x", buffer[i]);
	say("\n");
	EQ(16, len);
}

int main(void)
{
	static const unsigned sizes[] = { 0, 1, 2, 4, 5, 8, 15, 16, 17, 128 };
	int server = FD(udp_on("127.0.0.1", PORT)), client = FD(udp_on("127.0.0.1", PORT + 1));
	struct msghdr m = { .msg_name = (char[128]){ 0 }, .msg_namelen = (socklen_t)-1 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		cut(server, client, sizes[i], false);
		cut(server, client, sizes[i], true);
	}
	FAILS(EINVAL, recvmsg(server, &m, MSG_DONTWAIT));
	FAILS(EAGAIN, recvfrom(server, &m, 1, MSG_DONTWAIT, &(struct sockaddr){ 0 },
	                       &(socklen_t){ (socklen_t)-1 }));
	return 0;
}
