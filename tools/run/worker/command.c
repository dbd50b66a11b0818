/* SPDX-License-Identifier: MIT */
/* In the command's process, from its birth to exec. */
#include "tools/run/worker/command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/file.h"

static int put_on(int from, int to)
{
	if (from == to)
		return fcntl(to, F_SETFD, 0);
	return dup2(from, to);
}

/* In the command's process, up to exec. Return: what failed; errno says why. */
static const char *become_command(const struct worker_init_setup *setup, pid_t group)
{
	const struct worker_init_inherit *inherit = setup->inherit;
	int ret;

	if (!setup->single ? setsid() < 0 : group && setpgid(0, group))
		return "process group";
	ret = limits_join(setup->limits);
	if (ret) {
		errno = -ret;
		return "limits";
	}
	ret = isolate_worker_enter(setup->isolate, setup->number);
	if (ret) {
		errno = -ret;
		return "isolation";
	}
	if (put_on(setup->in, 0) < 0 || put_on(setup->out, 1) < 0 || put_on(setup->err, 2) < 0)
		return "streams";
	setrlimit(RLIMIT_NOFILE, &inherit->files);
	sigaction(SIGPIPE, &inherit->pipe, NULL);
	sigaction(SIGXFSZ, &inherit->file_size, NULL);
	sigaction(SIGCHLD, &inherit->child, NULL);
	sigprocmask(SIG_SETMASK, &inherit->mask, NULL);
	environ = setup->envp;
	errno = -isolate_worker_exec(setup->isolate, setup->argv);
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
static pid_t clone_command(int cgroup)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid;

	if (cgroup >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (unsigned int)cgroup;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0 && (cgroup >= 0 || errno == ENOSYS)) /* Linux < 5.7, or a seccomp profile */
		pid = fork();
	return pid;
}

pid_t command_start(const struct worker_init_setup *setup, pid_t group, int answer)
{
	pid_t pid = clone_command(setup->cgroup);

	if (!pid)
		fail(answer, become_command(setup, group));
	return pid;
}
