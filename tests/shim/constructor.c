/* SPDX-License-Identifier: MIT */
/* A constructor in a shared library binds, connects and stays listening before main starts. */
#include "t.h"

enum { PORT = 4750 };

int constructor_listener(void);

int main(void)
{
	int client = FD(client_of("127.0.0.1", PORT)),
	    served = FD(accept(constructor_listener(), NULL, NULL));

	IS("127.0.0.1:4750", name_of(constructor_listener()));
	IS("127.0.0.1:4750", peer_of(client));
	pass_byte(client, served, 'c');
	return 0;
}
