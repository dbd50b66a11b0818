/* SPDX-License-Identifier: MIT */
/*
 * Bug 17: LD_PRELOAD lost through a cleared environment (mirrord#2702, #4839, turborepo#10984):
 * exec with an empty environment, with none at all, after clearenv, after unsetenv, and through
 * `env -i`: the grandchild still binds its port.
 */
#include "t.h"
#include <spawn.h>

enum { PORT = 4290 };

extern char **environ;

static char *child_argv[] = { (char *)"self", (char *)"child", NULL }, *nothing[] = { NULL };
static const char *path;

static void with_empty(void)
{
	execve(path, child_argv, nothing);
}
static void with_null(void)
{
	execve(path, child_argv, NULL);
}
static void with_clearenv(void)
{
	clearenv();
	execv(path, child_argv);
}
static void with_no_environ(void)
{
	environ = NULL;
	execv(path, child_argv);
}
static void with_unsetenv(void)
{
	unsetenv("LD_PRELOAD");
	execv(path, child_argv);
}
static void with_blank(void)
{
	setenv("LD_PRELOAD", "", 1);
	execv(path, child_argv);
}
static void with_env(void)
{
	execl("/usr/bin/env", "env", "-i", path, "child", NULL);
}
static void with_env_env(void)
{
	execl("/usr/bin/env", "env", "-i", "/usr/bin/env", "-i", path, "child", NULL);
}

static void with_spawn(void)
{
	pid_t pid;

	if (posix_spawn(&pid, path, NULL, NULL, child_argv, nothing))
		_exit(1);
	reap(pid);
	_exit(0);
}

static const struct {
	const char *name;
	void (*call)(void);
} ways[] = {
	{ "empty envp", with_empty },
	{ "NULL envp", with_null },
	{ "clearenv", with_clearenv },
	{ "environ = NULL", with_no_environ },
	{ "unsetenv LD_PRELOAD", with_unsetenv },
	{ "LD_PRELOAD set to nothing", with_blank },
	{ "env -i", with_env },
	{ "env -i env -i", with_env_env },
	{ "posix_spawn", with_spawn },
};

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		say("%s: ", getenv("HOME") ? "HOME is set" : "HOME is gone");
		round_trip("127.0.0.1", PORT);
		return 0;
	}
	path = self_path();
	MUST(setenv("HOME", "/", 1));
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pid_t pid;

		say("%s: ", ways[i].name);
		pid = (pid_t)MUST(fork());
		if (!pid) {
			ways[i].call();
			FAIL("%s: %s", ways[i].name, err_name(errno));
		}
		reap(pid);
	}
	return 0;
}
