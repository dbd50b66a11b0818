/* SPDX-License-Identifier: MIT */
/*
 * Twenty servers on twenty ports in one program, opened in a mixed order, each reached by its own
 * port.
 */
#include "t.h"

enum { PORT = 4510, COUNT = 20 /* 4510 to 4529 */ };

int main(void)
{
	int servers[COUNT], clients[COUNT];

	for (int i = 0; i < COUNT; i++)
		servers[i * 7 % COUNT] = (int)MUST(listen_on("127.0.0.1", PORT + i * 7 % COUNT));
	for (int i = 0; i < COUNT; i++)
		clients[i] = (int)MUST(client_of("127.0.0.1", PORT + i));
	for (int i = 0; i < COUNT; i++) {
		int served = (int)MUST(accept(servers[i], NULL, NULL));

		say("%s %s\n", name_of(servers[i]), peer_of(clients[i]));
		EQ(PORT + i, port_in((struct addr[]){ name_addr(served) }));
		EQ(PORT + i, port_in((struct addr[]){ peer_addr(clients[i]) }));
		pass_byte(clients[i], served, (char)('a' + i));
	}
	return 0;
}
