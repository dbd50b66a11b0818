/* SPDX-License-Identifier: MIT */
/* A user's plug-in that listens and connects by itself. */
#include "t.h"

int plug_listen(int port);
int plug_listen(int port)
{
	return listen_on("127.0.0.1", port);
}

int plug_connect(int port);
int plug_connect(int port)
{
	return client_of("127.0.0.1", port);
}
