/* SPDX-License-Identifier: MIT */
/*
 * The answer goes through a pipe: text, then the error as its last four bytes. The end of the child is seen by its pidfd,
 * and reaping it is not needed to learn how it ended: a supervisor that is a subreaper may have collected it already.
 *
 * Laws: the child closes every descriptor it was not given, so that a socket that the parent closes is really closed; a
 * parent that dies takes the child with it (PR_SET_PDEATHSIG is set after every change of user, which clears it).
 */
#include "tools/process/job.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"

struct job {
	struct loop *loop;
	struct loop_timer *deadline;
	struct str answer;
	job_done_fn done;
	void *done_arg;
	pid_t pid;
	int pidfd, out;
};

int job_drop(uid_t uid, gid_t gid)
{
	if (!uid || geteuid() == uid)
		return 0;
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

/* setfsuid(2) also lowers the capabilities that concern files, and raises them again. */
void job_files_as(uid_t uid, gid_t gid)
{
	if (!uid || geteuid() == uid)
		return;
	setfsgid(gid);
	setfsuid(uid);
}

void job_files_back(uid_t uid)
{
	if (!uid || geteuid() == uid)
		return;
	setfsuid(geteuid());
	setfsgid(getegid());
}

pid_t job_fork(int signal_number)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	sigset_t none;

	if (pid)
		return pid < 0 ? -errno : pid;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, signal_number);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

static void close_others(int a, int b)
{
	int low = a < b ? a : b, high = a < b ? b : a;

	if (low > 3)
		syscall(SYS_close_range, 3u, (unsigned int)low - 1, 0);
	if (high > low + 1)
		syscall(SYS_close_range, (unsigned int)low + 1, (unsigned int)high - 1, 0);
	syscall(SYS_close_range, (unsigned int)high + 1, ~0u, 0);
}

static _Noreturn void child_main(const struct job_setup *setup, int out)
{
	struct str text = { 0 };
	pid_t parent = getppid();
	int error;

	close_others(out, setup->keep_fd > 2 ? setup->keep_fd : out);
	error = job_drop(setup->uid, setup->gid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (!error)
		error = setup->run(setup->arg, &text);
	str_add_len(&text, (const char *)&error, sizeof(error));
	if (file_write_all(out, text.text, text.len))
		_exit(1);
	_exit(0);
}

static void job_free(struct job *job)
{
	loop_cancel(job->loop, job->deadline);
	loop_remove(job->loop, job->out);
	loop_remove(job->loop, job->pidfd);
	close(job->out);
	close(job->pidfd);
	str_free(&job->answer);
	free(job);
}

static void finish(struct job *job, int error)
{
	job_done_fn done = job->done;
	void *arg = job->done_arg;
	cleanup_free char *text = str_take(&job->answer);

	/* ECHILD: somebody was faster, which is fine */
	waitid(P_PIDFD, (id_t)job->pidfd, NULL, WEXITED);
	job_free(job);
	done(arg, error, text);
}

static void drain(struct job *job)
{
	char part[4096];
	ssize_t got;

	while ((got = read(job->out, part, sizeof(part))) > 0)
		str_add_len(&job->answer, part, (size_t)got);
	if (!got)
		loop_remove(job->loop, job->out);
}

static void on_output(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	drain(arg);
}

static void on_gone(void *arg, int fd, uint32_t events)
{
	struct job *job = arg;
	int error = -ECHILD;

	(void)fd;
	(void)events;
	drain(job);
	if (job->answer.len >= sizeof(error)) {
		job->answer.len -= sizeof(error);
		memcpy(&error, job->answer.text + job->answer.len, sizeof(error));
		job->answer.text[job->answer.len] = 0;
	}
	finish(job, error);
}

static void on_late(void *arg)
{
	struct job *job = arg;

	job->deadline = NULL;
	syscall(SYS_pidfd_send_signal, job->pidfd, SIGKILL, NULL, 0);
	finish(job, -ETIME);
}

int job_start(const struct job_setup *setup, struct job **ret_job)
{
	struct job *job;
	int pipes[2];
	pid_t pid;
	int pidfd;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	pid = job_fork(SIGKILL);
	if (!pid)
		child_main(setup, pipes[1]);
	close(pipes[1]);
	pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (pidfd < 0) {
		close(pipes[0]);
		return pid < 0 ? (int)pid : -errno;
	}
	(void)fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	job = mem_alloc(sizeof(*job));
	*job = (struct job){ .loop = setup->loop,
		             .done = setup->done,
		             .done_arg = setup->done_arg,
		             .pid = pid,
		             .pidfd = pidfd,
		             .out = pipes[0] };
	loop_add(job->loop, job->out, EPOLLIN, on_output, job);
	loop_add(job->loop, job->pidfd, EPOLLIN, on_gone, job);
	job->deadline = loop_after(job->loop, setup->deadline_ms ? setup->deadline_ms : 300000,
	                           on_late, job);
	if (ret_job)
		*ret_job = job;
	return 0;
}

void job_cancel(struct job *job)
{
	if (!job)
		return;
	syscall(SYS_pidfd_send_signal, job->pidfd, SIGKILL, NULL, 0);
	waitid(P_PIDFD, (id_t)job->pidfd, NULL, WEXITED);
	job_free(job);
}

static _Noreturn void exec_child(char *const *argv, char *const *envp, int in, int out)
{
	if (in < 0)
		in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	if (chdir("/"))
		_exit(127);
	execve(argv[0], argv, envp);
	_exit(127);
}

/* The input is short (a few statements), so it fits in the pipe and cannot deadlock with the output. */
static int feed(const char *input)
{
	int pipes[2];
	size_t len = strlen(input);

	if (pipe2(pipes, O_CLOEXEC))
		return -1;
	(void)fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
	(void)fcntl(pipes[1], F_SETFL, O_NONBLOCK);
	if (write(pipes[1], input, len) != (ssize_t)len) {
		close(pipes[0]);
		pipes[0] = -1;
	}
	close(pipes[1]);
	return pipes[0];
}

int job_exec(char *const *argv, char *const *envp, const char *input, struct str *ret_output)
{
	cleanup_close int in = input ? feed(input) : -1;
	cleanup_close int out = -1;
	char part[4096];
	int pipes[2], status;
	ssize_t got;
	pid_t pid;

	if ((input && in < 0) || pipe2(pipes, O_CLOEXEC))
		return -errno;
	out = pipes[0];
	pid = job_fork(SIGKILL);
	if (!pid)
		exec_child(argv, envp, in, pipes[1]);
	close(pipes[1]);
	if (pid < 0)
		return (int)pid;
	while ((got = read(out, part, sizeof(part))) > 0 || (got < 0 && errno == EINTR))
		if (got > 0)
			str_add_len(ret_output, part, (size_t)got);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
