/* SPDX-License-Identifier: MIT */
/* A user's library that opens its server while it is loaded. */
#include "t.h"

enum { PORT = 4750 };

static int listener = -1;

__attribute__((constructor)) static void open_server(void)
{
	serve_and_connect("127.0.0.1", PORT);
	listener = listen_on("127.0.0.1", PORT);
}

int constructor_listener(void);
int constructor_listener(void)
{
	return listener;
}
