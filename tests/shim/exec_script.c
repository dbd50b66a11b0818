/* SPDX-License-Identifier: MIT */
/*
 * Scripts: with a #! line, with none (execvp and posix_spawnp's shell), through env, in a pipe:
 * what they start binds its port.
 */
#include "t.h"
#include <spawn.h>

enum { PORT = 4910 };

static char file[64];
static char *nothing[] = { NULL };

static void write_script(const char *first_line)
{
	int fd = (int)MUST(open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700));

	dprintf(fd, "%s'%s' child </dev/null | cat\n", first_line, self_path());
	close(fd);
}

static void in_child(const char *what, void (*call)(void))
{
	pid_t pid;

	say("%s: ", what);
	pid = (pid_t)MUST(fork());
	if (!pid) {
		call();
		FAIL("%s: %s", what, err_name(errno));
	}
	reap(pid);
}

static void with_execl(void)
{
	execl(file, "script", NULL);
}
static void with_execlp(void)
{
	execlp(file, "script", NULL);
}
static void with_execve(void)
{
	execve(file, (char *[]){ file, NULL }, nothing);
}
static void with_env(void)
{
	execlp("env", "env", "-i", "sh", file, NULL);
}

static void with_spawnp(void)
{
	pid_t pid;
	int error = posix_spawnp(&pid, file, NULL, NULL, (char *[]){ file, NULL }, environ);

	if (error)
		FAIL("posix_spawnp: %s", err_name(error));
	reap(pid);
	_exit(0);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		round_trip("127.0.0.1", PORT);
		return 0;
	}
	snprintf(file, sizeof(file), "/tmp/script-%d", getpid());
	write_script("#!/bin/sh\n");
	in_child("execl", with_execl);
	in_child("execve, empty environment", with_execve);
	in_child("posix_spawnp", with_spawnp);
	in_child("env -i sh", with_env);
	write_script("#!/usr/bin/env -S sh -e\n");
	in_child("env -S", with_execl);
	write_script("");
	in_child("execlp without #!", with_execlp);
	FAILS(ENOEXEC, execl(file, "script", NULL));
	write_script("#!/nonexistent/interpreter\n");
	FAILS(ENOENT, execl(file, "script", NULL));
	MUST(unlink(file));
	return 0;
}
