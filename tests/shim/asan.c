/* SPDX-License-Identifier: MIT */
/*
 * A program built with AddressSanitizer, which insists on being the first library
 * (libfaketime#513), binds and connects.
 */
#include "t.h"

enum { PORT = 4770 };

int main(void)
{
	struct addr *there = malloc(sizeof(*there)), *from = calloc(1, sizeof(*from));
	int udp = FD(udp_on("127.0.0.1", PORT));

	*there = addr("127.0.0.1", PORT);
	from->len = sizeof(from->ss);
	round_trip("127.0.0.1", PORT);
	WANT(1, sendto(udp, "a", 1, 0, &there->sa, there->len));
	WANT(1, recvfrom(udp, &(char){ 0 }, 1, 0, &from->sa, &from->len));
	IS("127.0.0.1:4770", show(from));
	free(there);
	free(from);
	return 0;
}
