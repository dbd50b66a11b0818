/* SPDX-License-Identifier: MIT */
/*
 * Bug 17: LD_PRELOAD clobbered (libfaketime#42): the user's own preloaded libraries go on working,
 * in their order, whether they are added to LD_PRELOAD or take its place; they too see the ports
 * that the program asked for.
 */
#include "t.h"
#include <dlfcn.h>
#include <libgen.h>

enum { PORT = 4300 };

static int child(void)
{
	const char *(*trail)(void);

	*(void **)&trail = dlsym(RTLD_DEFAULT, "count_trail");
	if (!trail)
		FAIL("the preloaded library is not there: LD_PRELOAD is %s", getenv("LD_PRELOAD"));
	round_trip("127.0.0.1", PORT);
	IS("A4300 B4300 ", trail());
	return 0;
}

static void start(const char *name, const char *value)
{
	pid_t pid = (pid_t)MUST(fork());

	if (pid) {
		reap(pid);
		return;
	}
	say("%s: ", name);
	MUST(setenv("LD_PRELOAD", value, 1));
	execl(self_path(), "self", "child", NULL);
	_exit(1);
}

int main(int argc, char **argv)
{
	char here[4096], own[9000], both[20000];
	const char *before = getenv("LD_PRELOAD");

	(void)argv;
	if (argc > 1)
		return child();
	dirname(strcpy(here, self_path()));
	snprintf(own, sizeof(own), "%s/plugin_count_a.so:%s/plugin_count_b.so", here, here);
	start("in its place", own);
	snprintf(both, sizeof(both), "%s%s%s", own, before ? ":" : "", before ? before : "");
	start("in front", both);
	snprintf(both, sizeof(both), "%s/plugin_count_a.so %s/plugin_count_b.so", here, here);
	start("with a space between", both);
	return 0;
}
