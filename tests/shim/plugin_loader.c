/* SPDX-License-Identifier: MIT */
/* A user's plug-in that loads another one, which only its own RUNPATH leads to. */
#include "t.h"
#include <dlfcn.h>

void *load_for_me(const char *name);
void *load_for_me(const char *name)
{
	return dlopen(name, RTLD_NOW);
}
