/* SPDX-License-Identifier: MIT */
/* In the program's process, from its birth to exec. */
#include "tools/run/worker/command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/file.h"

static int put_on(int from, int to)
{
	if (from == to)
		return fcntl(to, F_SETFD, 0);
	return dup2(from, to);
}

static int put_streams(const struct program *program)
{
	int streams[] = { program->in, program->out, program->err };

	for (int i = 0; i < 3; i++)
		/* those of `berth exec` first get a place above 2: put_on() overwrites none then */
		if (program->id && (streams[i] = fcntl(streams[i], F_DUPFD_CLOEXEC, 3)) < 0)
			return -1;
	for (int i = 0; i < 3; i++)
		if (put_on(streams[i], i) < 0)
			return -1;
	return 0;
}

/* The terminal of `berth exec` becomes that of the program's session. */
static void take_terminal(const struct program *program)
{
	if (ioctl(program->in, TIOCSCTTY, 0) && ioctl(program->out, TIOCSCTTY, 0))
		(void)ioctl(program->err, TIOCSCTTY, 0);
}

static void give_back_signals(const struct worker_init_inherit *inherit)
{
	sigaction(SIGPIPE, &inherit->pipe, NULL);
	sigaction(SIGXFSZ, &inherit->file_size, NULL);
	sigaction(SIGCHLD, &inherit->child, NULL);
	sigprocmask(SIG_SETMASK, &inherit->mask, NULL);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Return: what failed; errno says why. */
static const char *become(const struct worker_init_setup *setup, const struct program *program,
                          pid_t group)
{
	int ret;

	if (!setup->single || program->id ? setsid() < 0 : group && setpgid(0, group))
		return "process group";
	if (program->id)
		take_terminal(program);
	ret = limits_join(setup->limits);
	if (ret) {
		errno = -ret;
		return "limits";
	}
	ret = program->id ? 0 : isolate_worker_enter(setup->isolate, setup->number);
	if (ret) {
		errno = -ret;
		return "isolation";
	}
	if (put_streams(program))
		return "streams";
	if (program->cwd && chdir(program->cwd))
		return "working directory";
	setrlimit(RLIMIT_NOFILE, &setup->inherit->files);
	if (program->id) /* a run in the background of a script ignores SIGINT */
		reset_signals();
	else
		give_back_signals(setup->inherit);
	environ = program->envp;
	errno = program->id
	                ? -isolate_worker_exec_more(setup->isolate, setup->number, program->argv)
	                : -isolate_worker_exec(setup->isolate, program->argv);
	return "exec";
}

static void fail(int answer, const char *what)
{
	struct worker_init_message message = { .kind = INIT_FAILED, .number = errno };

	snprintf(message.text, sizeof(message.text), "%s", what);
	(void)file_write_all(answer, &message, sizeof(message));
	_exit(127);
}

/*
 * The child begins inside its cgroup, clone3(2): to move it there later costs an RCU grace period,
 * milliseconds.
 */
static pid_t clone_into(int cgroup, bool *ret_inside)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid;

	if (cgroup >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (unsigned int)cgroup;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	*ret_inside = pid >= 0 || cgroup < 0;
	if (pid < 0 && (cgroup >= 0 || errno == ENOSYS)) /* Linux < 5.7, or a seccomp profile */
		pid = fork();
	return pid;
}

pid_t command_start(const struct worker_init_setup *setup, const struct program *program,
                    pid_t group, int answer)
{
	bool inside;
	pid_t pid = clone_into(setup->cgroup, &inside);

	if (!pid) {
		int ret = inside ? 0 : file_put_at(setup->cgroup, "cgroup.procs", "0");

		errno = -ret;
		fail(answer, ret ? "cgroup" : become(setup, program, group));
	}
	return pid;
}
