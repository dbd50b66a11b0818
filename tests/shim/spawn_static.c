/* SPDX-License-Identifier: MIT */
/*
 * A statically linked program, started in every way: it binds its port where the dynamic one that
 * started it connects, sees its own name, arguments and environment.
 */
#include "t.h"
#include <libgen.h>
#include <spawn.h>

enum { PORT = 4520 };

static char path[4200], name[256];
static char *child_argv[] = { (char *)"its name", (char *)"child", NULL },
	    *child_env[] = { (char *)"COLOUR=green", NULL };

static pid_t with_spawn(void)
{
	pid_t pid = 0;

	MUST(-posix_spawn(&pid, path, NULL, NULL, child_argv, child_env));
	return pid;
}

static pid_t with_spawnp(void)
{
	pid_t pid = 0;

	MUST(-posix_spawnp(&pid, name, NULL, NULL, child_argv, environ));
	return pid;
}

#define WITH(exec) \
	({ \
		pid_t pid_ = (pid_t)MUST(fork()); \
		if (!pid_) { \
			exec; \
			FAIL("%s: %s", #exec, err_name(errno)); \
		} \
		pid_; \
	})

static pid_t with_execv(void)
{
	return WITH(execv(path, child_argv));
}
static pid_t with_execve(void)
{
	return WITH(execve(path, child_argv, child_env));
}
static pid_t with_execvp(void)
{
	return WITH(execvp(name, child_argv));
}
static pid_t with_execle(void)
{
	return WITH(execle(path, "its name", "child", NULL, child_env));
}

static const struct {
	const char *name;
	pid_t (*call)(void);
} ways[] = {
	{ "execv", with_execv },   { "execve", with_execve },     { "execvp", with_execvp },
	{ "execle", with_execle }, { "posix_spawn", with_spawn }, { "posix_spawnp", with_spawnp },
};

static int child(char **argv)
{
	int server = listen_on("127.0.0.1", PORT), served;

	say("%s %s, COLOUR is %s\n", argv[0], argv[1],
	    getenv("COLOUR") ? getenv("COLOUR") : "not set");
	MUST(write(9, "r", 1));
	served = (int)MUST(accept(server, NULL, NULL));
	IS("127.0.0.1:4520", name_of(served));
	/* the parent closes first, so that the port is free of TIME_WAIT here */
	return MUST(read(served, &(char){ 0 }, 1)) != 0;
}

int main(int argc, char **argv)
{
	char byte;
	int ready[2];
	pid_t pid;

	if (argc > 1)
		return child(argv);
	snprintf(name, sizeof(name), "%s", basename(self_path()));
	snprintf(path, sizeof(path), "%s/../shim-static/%s", dirname(self_path()), name);
	if (access(path, X_OK))
		SKIP("there is no statically linked one here");
	MUST(setenv("PATH", dirname(strcpy((char[4200]){ 0 }, path)), 1));
	MUST(setenv("COLOUR", "red", 1));
	MUST(pipe2(ready, O_CLOEXEC));
	MUST(dup2(ready[1], 9));
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		say("%s: ", ways[i].name);
		pid = ways[i].call();
		MUST(read(ready[0], &byte, 1));
		close((int)MUST(client_of("127.0.0.1", PORT)));
		reap(pid);
	}
	return 0;
}
