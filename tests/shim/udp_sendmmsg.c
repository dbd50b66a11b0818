/* SPDX-License-Identifier: MIT */
/*
 * sendmmsg and recvmmsg: 100 messages at once, named and unnamed mixed, to two servers; every name
 * in its place and the caller's headers as they were. Bug 16: missing aliases, recvmmsg among them
 * (socket_wrapper 1.4.0).
 */
#include "t.h"

enum { PORT = 4110, COUNT = 100 };

static struct mmsghdr out[COUNT], in[COUNT];
static struct iovec out_data[COUNT], in_data[COUNT];
static struct addr from[COUNT];
static unsigned char numbers[COUNT], got[COUNT];

/*
 * every third message is unnamed and goes to the connected server, the others to the other server
 * by name
 */
static void prepare(struct addr *named)
{
	for (int i = 0; i < COUNT; i++) {
		numbers[i] = (unsigned char)i;
		out_data[i] = (struct iovec){ &numbers[i], 1 };
		out[i].msg_hdr = (struct msghdr){ .msg_iov = &out_data[i], .msg_iovlen = 1 };
		if (i % 3) {
			out[i].msg_hdr.msg_name = named;
			out[i].msg_hdr.msg_namelen = named->len;
		}
		in_data[i] = (struct iovec){ &got[i], 1 };
		in[i].msg_hdr = (struct msghdr){ .msg_iov = &in_data[i],
			                         .msg_iovlen = 1,
			                         .msg_name = &from[i].ss,
			                         .msg_namelen = sizeof(from[i].ss) };
	}
}

static void check_received(int count, bool named)
{
	int number = -1;

	for (int i = 0; i < count; i++) {
		do
			number++;
		while (!(number % 3) == named);
		from[i].len = in[i].msg_hdr.msg_namelen;
		if (in[i].msg_len != 1 || got[i] != number ||
		    strcmp(show(&from[i]), "127.0.0.1:4112"))
			FAIL("message %d: want %d from 127.0.0.1:4112; got %d from %s", i, number,
			     got[i], show(&from[i]));
	}
	say("%d messages in order from 127.0.0.1:4112\n", count);
}

int main(void)
{
	struct addr named = addr("127.0.0.1", PORT + 1);
	int one = FD(udp_on("127.0.0.1", PORT)), two = FD(udp_on("127.0.0.1", PORT + 1));
	int client = FD(udp_on("127.0.0.1", PORT + 2));
	struct mmsghdr before[COUNT];

	WANT(0, connect_to(client, "127.0.0.1", PORT));
	prepare(&named);
	memcpy(before, out, sizeof(out));
	WANT(COUNT, sendmmsg(client, out, COUNT, 0));
	for (int i = 0; i < COUNT; i++) {
		if (out[i].msg_len != 1 ||
		    memcmp(&out[i].msg_hdr, &before[i].msg_hdr, sizeof(struct msghdr)))
			FAIL("message %d: want length 1, header as before; got length %u", i,
			     out[i].msg_len);
	}
	IS("127.0.0.1:4111", show(&named));
	WANT(34, recvmmsg(one, in, COUNT, MSG_DONTWAIT, NULL));
	check_received(34, false);
	prepare(&named);
	WANT(66, recvmmsg(two, in, COUNT, MSG_WAITFORONE, NULL));
	check_received(66, true);
	return 0;
}
