/* SPDX-License-Identifier: MIT */
/*
 * One port on two addresses: 127.0.0.1 and 127.0.0.2 are two servers (mirrord#1124: the same port
 * on two addresses crashed).
 */
#include "t.h"

enum { PORT = 4070 };

int main(void)
{
	int one = FD(listen_on("127.0.0.1", PORT)), two = FD(listen_on("127.0.0.2", PORT));
	int to_two = FD(client_of("127.0.0.2", PORT)), to_one = FD(client_of("127.0.0.1", PORT));
	int at_one = FD(accept(one, NULL, NULL)), at_two = FD(accept(two, NULL, NULL));

	IS("127.0.0.1:4070", name_of(at_one));
	IS("127.0.0.2:4070", name_of(at_two));
	pass_byte(to_one, at_one, '1');
	pass_byte(to_two, at_two, '2');
	return 0;
}
