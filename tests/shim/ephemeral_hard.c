/* SPDX-License-Identifier: MIT */
/*
 * A hardcoded port inside the kernel's ephemeral range is a port like any other. (Bare, a client
 * may be sitting on it by chance; run --netns keeps it free.)
 */
#include "t.h"

enum { PORT = 40123 };

int main(void)
{
	struct addr to = addr("127.0.0.1", PORT), from = { .len = sizeof(from.ss) };
	int udp;

	round_trip("127.0.0.1", PORT);
	udp = FD(udp_on("127.0.0.1", PORT));
	WANT(1, sendto(udp, "e", 1, 0, &to.sa, to.len));
	WANT(1, recvfrom(udp, &(char){ 0 }, 1, 0, &from.sa, &from.len));
	IS("127.0.0.1:40123", show(&from));
	return 0;
}
