/* SPDX-License-Identifier: MIT */
/*
 * dlopen finds what its caller's RUNPATH says, also in a plug-in's own RUNPATH, and $ORIGIN is the
 * caller's; a failure says the same words.
 */
#include "t.h"
#include <dlfcn.h>

enum { PORT = 4740 };

static void meet(void *plugin)
{
	void (*meet_there)(int);

	if (!plugin)
		FAIL("dlopen: %s", dlerror());
	*(void **)&meet_there = dlsym(plugin, "found_meet");
	if (!meet_there)
		FAIL("dlsym: %s", dlerror());
	meet_there(PORT);
	EQ(0, dlclose(plugin));
}

int main(void)
{
	void *loader;
	void *(*found_through)(const char *name);

	/* the program was linked with RUNPATH $ORIGIN/found */
	meet(dlopen("plugin_found.so", RTLD_NOW));
	meet(dlopen("$ORIGIN/found/plugin_found.so", RTLD_NOW));
	EQ(1, dlopen("plugin_found.so", RTLD_NOW | RTLD_NOLOAD) == NULL);
	/* found/plugin_loader.so was linked with RUNPATH $ORIGIN/inner */
	loader = dlopen("plugin_loader.so", RTLD_NOW);
	if (!loader)
		FAIL("dlopen: %s", dlerror());
	*(void **)&found_through = dlsym(loader, "load_for_me");
	meet(found_through("plugin_inner.so"));
	EQ(1, dlopen("plugin_inner.so", RTLD_NOW) == NULL);
	say("%s\n", dlerror());
	EQ(1, dlopen("no-such.so", RTLD_NOW) == NULL);
	say("%s\n", dlerror());
	EQ(1, dlopen("no-such.so", RTLD_NOW | RTLD_DEEPBIND) == NULL);
	say("%s\n", dlerror());
	EQ(1, dlopen(NULL, RTLD_NOW) != NULL);
	return 0;
}
