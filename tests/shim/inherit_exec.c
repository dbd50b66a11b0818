/* SPDX-License-Identifier: MIT */
/*
 * A listener and a connection inherited over exec, as socket activation and `uvicorn --reload` do
 * it (mirrord#864, #2610).
 */
#include "t.h"

enum { PORT = 4240, LISTENER = 60, CONNECTION = 61, UDP = 62 };

static void after_exec(void)
{
	struct addr to = addr("127.0.0.1", PORT);
	int served, client;
	char byte;

	IS("127.0.0.1:4240", name_of(LISTENER));
	IS("127.0.0.1:4240", peer_of(CONNECTION));
	IS("127.0.0.1:4240", name_of(UDP));
	served = FD(accept(LISTENER, NULL, NULL));
	pass_byte(CONNECTION, served, 'o');
	client = FD(client_of("127.0.0.1", PORT));
	served = FD(accept(LISTENER, NULL, NULL));
	pass_byte(client, served, 'n');
	client = FD(udp_on("127.0.0.1", PORT + 1));
	WANT(1, sendto(client, "u", 1, 0, &to.sa, to.len));
	WANT(1, recvfrom(UDP, &byte, 1, 0, &to.sa, &to.len));
	IS("127.0.0.1:4241", show(&to));
	client = FD(socket(AF_INET, SOCK_STREAM, 0));
	FAILS(EADDRINUSE, bind_to(client, "127.0.0.1", PORT));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		after_exec();
		return 0;
	}
	WANT(LISTENER, dup2(listen_on("127.0.0.1", PORT), LISTENER));
	WANT(CONNECTION, dup2(client_of("127.0.0.1", PORT), CONNECTION));
	WANT(UDP, dup2(udp_on("127.0.0.1", PORT), UDP));
	execl(self_path(), argv[0], "child", NULL);
	FAIL("execl: %s", err_name(errno));
}
