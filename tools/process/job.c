/* SPDX-License-Identifier: MIT */
/*
 * The child's end shows at its pidfd. A supervisor that is a subreaper may have reaped the child
 * before, so the result comes through the pipe and not from its wait status.
 *
 * The child closes every descriptor that it was not given, so that a socket is really closed when
 * the parent closes it. PR_SET_PDEATHSIG is set after each change of user, which clears it.
 */
#include "tools/process/job.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"

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

static void close_others(int a, int b)
{
	int low = a < b ? a : b, high = a < b ? b : a;

	if (low > 3)
		syscall(SYS_close_range, 3u, (unsigned int)low - 1, 0);
	if (high > low + 1)
		syscall(SYS_close_range, (unsigned int)low + 1, (unsigned int)high - 1, 0);
	syscall(SYS_close_range, (unsigned int)high + 1, ~0u, 0);
}

/* Runs instead of the job if the child cannot become its user. */
static int refused(void *arg, struct str *ret_text)
{
	(void)ret_text;
	return *(const int *)arg;
}

static _Noreturn void child_main(const struct job_setup *setup, int out)
{
	pid_t parent = getppid();
	int error;

	close_others(out, setup->keep_fd > 2 ? setup->keep_fd : out);
	error = job_drop(setup->uid, setup->gid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	child_answer(error ? refused : setup->run, error ? &error : setup->arg, out);
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

	/* ECHILD: another call has reaped it */
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

	(void)fd;
	(void)events;
	drain(job);
	finish(job, child_take_result(&job->answer));
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
	pid = child_fork(SIGKILL);
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
