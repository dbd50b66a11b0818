/* SPDX-License-Identifier: MIT */
/*
 * UDP to the loopback network's broadcast address reaches every socket that is bound to the port on
 * all addresses.
 */
#include "t.h"

enum { PORT = 4920 };

int main(void)
{
	struct addr to = addr("127.255.255.255", PORT), from = { .len = sizeof(from.ss) };
	int one = FD(socket(AF_INET, SOCK_DGRAM, 0)), two = FD(socket(AF_INET, SOCK_DGRAM, 0));
	int client = FD(udp_on("127.0.0.1", PORT + 1));

	set_option(one, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(two, SOL_SOCKET, SO_REUSEADDR, 1);
	WANT(0, bind_to(one, "0.0.0.0", PORT));
	WANT(0, bind_to(two, "0.0.0.0", PORT));
	FAILS(EACCES, sendto(client, "b", 1, 0, &to.sa, to.len));
	set_option(client, SOL_SOCKET, SO_BROADCAST, 1);
	WANT(1, sendto(client, "b", 1, 0, &to.sa, to.len));
	WANT(1, recvfrom(one, &(char){ 0 }, 1, 0, &from.sa, &from.len));
	IS("127.0.0.1:4921", show(&from));
	WANT(1, recvfrom(two, &(char){ 0 }, 1, 0, &from.sa, &from.len));
	IS("127.0.0.1:4921", show(&from));
	return 0;
}
