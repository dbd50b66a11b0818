/* SPDX-License-Identifier: MIT */
/*
 * posix_spawn and posix_spawnp, with file actions and attributes: the child binds a hardcoded port
 * that the parent reaches (mirrord#987).
 */
#include "t.h"
#include <libgen.h>
#include <spawn.h>

enum { PORT = 4270 };

extern char **environ;

static void served_by_child(pid_t pid, int from_child)
{
	char byte = 0;
	int client;

	WANT(1, read(from_child, &byte, 1));
	client = FD(client_of("127.0.0.1", PORT));
	IS("127.0.0.1:4270", peer_of(client));
	WANT(1, read(client, &byte, 1));
	EQ('s', byte);
	close(client);
	reap(pid);
}

static int child(void)
{
	int server = listen_on("127.0.0.1", PORT), served;

	MUST(write(9, "r", 1));
	served = (int)MUST(accept(server, NULL, NULL));
	MUST(write(served, "s", 1));
	/* the parent closes first, so that the port is free of TIME_WAIT here */
	return read(served, &(char){ 0 }, 1) != 0;
}

int main(int argc, char **argv)
{
	char path[4096], *child_argv[] = { argv[0], (char *)"child", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int ready[2];
	pid_t pid;

	if (argc > 1)
		return child();
	MUST(pipe2(ready, O_CLOEXEC));
	EQ(0, posix_spawn_file_actions_init(&actions));
	EQ(0, posix_spawn_file_actions_adddup2(&actions, ready[1], 9));
	EQ(0, posix_spawnattr_init(&attributes));
	EQ(0,
	   posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK));
	strcpy(path, self_path());
	EQ(0, posix_spawn(&pid, path, &actions, NULL, child_argv, environ));
	served_by_child(pid, ready[0]);
	EQ(0, posix_spawn(&pid, path, &actions, &attributes, child_argv, environ));
	served_by_child(pid, ready[0]);
	/* the parent's own PATH is searched, whatever the child's environment says */
	MUST(setenv("PATH", dirname(strcpy(path, self_path())), 1));
	strcpy(path, self_path());
	EQ(0, posix_spawnp(&pid, basename(path), &actions, &attributes, child_argv, environ));
	served_by_child(pid, ready[0]);
	EQ(0, posix_spawnp(&pid, basename(path), &actions, NULL, child_argv, (char *[]){ NULL }));
	served_by_child(pid, ready[0]);
	EQ(ENOENT, posix_spawn(&pid, "/nonexistent/program", NULL, NULL, child_argv, environ));
	EQ(ENOENT, posix_spawnp(&pid, "no-such-program-anywhere", NULL, NULL, child_argv, environ));
	return 0;
}
