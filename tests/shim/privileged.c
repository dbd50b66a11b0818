/* SPDX-License-Identifier: MIT */
/*
 * Ports under 1024: 80 and 443 over TCP, 853 over UDP. Bare this needs root; under Berth nothing.
 */
#include "t.h"

int main(void)
{
	struct addr to = addr("127.0.0.1", 853), from = { .len = sizeof(from.ss) };
	int probe = socket_for("127.0.0.1", SOCK_STREAM), udp;

	set_option(probe, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind_to(probe, "127.0.0.1", 80) && errno == EACCES)
		SKIP("ports under 1024 need a privilege here");
	IS("127.0.0.1:80", name_of(probe));
	close(probe);
	round_trip("127.0.0.1", 80);
	round_trip("127.0.0.2", 443);
	udp = FD(udp_on("127.0.0.1", 853));
	WANT(1, sendto(udp, "p", 1, 0, &to.sa, to.len));
	WANT(1, recvfrom(udp, &(char){ 0 }, 1, 0, &from.sa, &from.len));
	IS("127.0.0.1:853", show(&from));
	return 0;
}
