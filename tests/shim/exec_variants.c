/* SPDX-License-Identifier: MIT */
/*
 * Every member of the exec family starts a child that binds its port and sees its own arguments and
 * environment.
 */
#include "t.h"
#include <libgen.h>
#include <sys/syscall.h>

enum { PORT = 4280 };

static char path[4096], name[4096];
static char *child_argv[] = { (char *)"self", (char *)"child", NULL },
	    *child_env[] = { (char *)"COLOUR=green", NULL };

static void with_execv(void)
{
	execv(path, child_argv);
}
static void with_execve(void)
{
	execve(path, child_argv, child_env);
}
static void with_execvp(void)
{
	execvp(name, child_argv);
}
static void with_execvpe(void)
{
	execvpe(name, child_argv, child_env);
}
static void with_execl(void)
{
	execl(path, "self", "child", NULL);
}
static void with_execle(void)
{
	execle(path, "self", "child", NULL, child_env);
}
static void with_execlp(void)
{
	execlp(name, "self", "child", NULL);
}
static void with_fexecve(void)
{
	fexecve(open(path, O_RDONLY | O_CLOEXEC), child_argv, child_env);
}

static void with_execveat(void)
{
	syscall(SYS_execveat, open(path, O_PATH | O_CLOEXEC), "", child_argv, child_env,
	        AT_EMPTY_PATH);
}

static void with_execveat_name(void)
{
	syscall(SYS_execveat, open(dirname(path), O_PATH | O_CLOEXEC), name, child_argv, child_env,
	        0);
}

static void with_syscall_execve(void)
{
	syscall(SYS_execve, path, child_argv, child_env);
}

static const struct {
	const char *name;
	void (*call)(void);
} variants[] = {
	{ "execv", with_execv },
	{ "execve", with_execve },
	{ "execvp", with_execvp },
	{ "execvpe", with_execvpe },
	{ "execl", with_execl },
	{ "execle", with_execle },
	{ "execlp", with_execlp },
	{ "fexecve", with_fexecve },
	{ "execveat", with_execveat },
	{ "execveat in a directory", with_execveat_name },
	{ "SYS_execve", with_syscall_execve },
};

int main(int argc, char **argv)
{
	if (argc > 1) {
		say("%s %s, COLOUR is %s: ", argv[0], argv[1],
		    getenv("COLOUR") ? getenv("COLOUR") : "not set");
		round_trip("127.0.0.1", PORT);
		return 0;
	}
	strcpy(path, self_path());
	strcpy(name, basename(path));
	MUST(setenv("PATH", dirname(path), 1));
	MUST(setenv("COLOUR", "red", 1));
	strcpy(path, self_path());
	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
		pid_t pid;

		say("%s: ", variants[i].name);
		pid = (pid_t)MUST(fork());
		if (!pid) {
			variants[i].call();
			FAIL("%s: %s", variants[i].name, err_name(errno));
		}
		reap(pid);
	}
	FAILS(ENOENT, execl("/nonexistent/program", "x", NULL));
	FAILS(EACCES, execl("/", "x", NULL));
	FAILS(EFAULT, execve((char *)-1, child_argv, child_env));
	return 0;
}
