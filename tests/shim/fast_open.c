/* SPDX-License-Identifier: MIT */
/*
 * TCP Fast Open: sendto and sendmsg with MSG_FASTOPEN connect to the port that they are given; so
 * does TCP_FASTOPEN_CONNECT.
 */
#include "t.h"
#include <netinet/tcp.h>

enum { PORT = 4670 };

static void served(int server, int client, const char *text)
{
	char got[16] = "";
	int end = FD(accept(server, NULL, NULL));

	IS("127.0.0.1:4670", peer_of(client));
	WANT(strlen(text), read(end, got, sizeof(got)));
	IS(text, got);
	close(client);
	close(end);
}

/*
 * More than fits into a datagram, from two pieces of memory; what the first call leaves goes by
 * send.
 */
static void much(int server, struct addr *there, bool by_msg)
{
	static char data[100000], got[65536];
	struct iovec pieces[2] = { { data, sizeof(data) }, { data, sizeof(data) } };
	struct msghdr m = { .msg_name = &there->sa,
		            .msg_namelen = there->len,
		            .msg_iov = pieces,
		            .msg_iovlen = 2 };
	size_t size = by_msg ? 2 * sizeof(data) : sizeof(data), sent;
	int client = FD(socket(AF_INET, SOCK_STREAM, 0)), end;
	long total = 0, part;
	pid_t pid = (pid_t)MUST(fork());

	if (!pid) {
		sent = (size_t)MUST(
			by_msg ? sendmsg(client, &m, MSG_FASTOPEN)
			       : sendto(client, data, size, MSG_FASTOPEN, &there->sa, there->len));
		for (; sent < size; sent += (size_t)part)
			part = MUST(send(client, data,
			                 size - sent < sizeof(data) ? size - sent : sizeof(data),
			                 0));
		_exit(sent != size);
	}
	close(client);
	end = FD(accept(server, NULL, NULL));
	while ((part = MUST(read(end, got, sizeof(got)))))
		total += part;
	EQ((long)size, total);
	close(end);
	reap(pid);
}

int main(void)
{
	struct addr there = addr("127.0.0.1", PORT);
	struct iovec data = { (char *)"message", 7 };
	struct msghdr m = {
		.msg_name = &there.sa, .msg_namelen = there.len, .msg_iov = &data, .msg_iovlen = 1
	};
	int server = FD(listen_on("127.0.0.1", PORT)), client = FD(socket(AF_INET, SOCK_STREAM, 0));

	set_option(server, IPPROTO_TCP, TCP_FASTOPEN, 5);
	if (sendto(client, "send", 4, MSG_FASTOPEN, &there.sa, there.len) < 0 &&
	    errno == EOPNOTSUPP)
		SKIP("TCP Fast Open is switched off here");
	served(server, client, "send");
	client = FD(socket(AF_INET, SOCK_STREAM, 0));
	WANT(7, sendmsg(client, &m, MSG_FASTOPEN));
	served(server, client, "message");
	client = FD(socket(AF_INET, SOCK_STREAM, 0));
	set_option(client, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	WANT(0, connect(client, &there.sa, there.len));
	WANT(7, send(client, "connect", 7, 0));
	served(server, client, "connect");
	much(server, &there, false);
	much(server, &there, true);
	client = FD(socket(AF_INET, SOCK_STREAM, 0));
	there = addr("127.0.0.1", PORT + 1);
	FAILS(ECONNREFUSED, sendto(client, "send", 4, MSG_FASTOPEN, &there.sa, there.len));
	return 0;
}
