/* SPDX-License-Identifier: MIT */
/* TCP and UDP on one port number at the same time are two servers. */
#include "t.h"

enum { PORT = 4460 };

int main(void)
{
	struct addr to = addr("127.0.0.1", PORT), from = { .len = sizeof(from.ss) };
	int tcp = FD(listen_on("127.0.0.1", PORT)), udp = FD(udp_on("127.0.0.1", PORT)), client,
	    served;

	IS("127.0.0.1:4460", name_of(tcp));
	IS("127.0.0.1:4460", name_of(udp));
	client = FD(socket(AF_INET, SOCK_DGRAM, 0));
	WANT(1, sendto(client, "u", 1, 0, &to.sa, to.len));
	WANT(1, recvfrom(udp, &(char){ 0 }, 1, 0, &from.sa, &from.len));
	WANT(1, sendto(udp, "v", 1, 0, &from.sa, from.len));
	from.len = sizeof(from.ss);
	WANT(1, recvfrom(client, &(char){ 0 }, 1, 0, &from.sa, &from.len));
	IS("127.0.0.1:4460", show(&from));
	client = FD(client_of("127.0.0.1", PORT));
	served = FD(accept(tcp, NULL, NULL));
	pass_byte(client, served, 't');
	WANT(0, close(tcp));
	FAILS(ECONNREFUSED, client_of("127.0.0.1", PORT));
	WANT(1, sendto(udp, "w", 1, 0, &to.sa, to.len));
	WANT(1, recv(udp, &(char){ 0 }, 1, 0));
	return 0;
}
