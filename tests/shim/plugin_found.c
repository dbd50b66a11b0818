/* SPDX-License-Identifier: MIT */
/* A user's plug-in that only a RUNPATH leads to. */
#include "t.h"

void found_meet(int port);
void found_meet(int port)
{
	round_trip("127.0.0.1", port);
}
