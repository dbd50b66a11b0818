/* SPDX-License-Identifier: MIT */
/*
 * A function's answer comes through a pipe: the text, then the result as the last four bytes. An
 * answer that is shorter comes from a child that was killed.
 */
#include "tools/process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/process/namespaces.h"

static pid_t fork_child(const struct namespaces *own, int signal_number)
{
	pid_t parent = own->processes ? 0 : getpid(); /* as the child sees it */
	pid_t pid = namespaces_fork(own);
	sigset_t none;

	if (pid)
		return pid;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, signal_number);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

pid_t child_fork(int signal_number)
{
	return fork_child(&(struct namespaces){ 0 }, signal_number);
}

static int64_t due_after(int64_t timeout_ms)
{
	return timeout_ms ? clock_ms() + timeout_ms : INT64_MAX;
}

/* Return: true when @fd is readable; false after @due_ms. */
static bool wait_readable(int fd, int64_t due_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int ready;

	do {
		int64_t left_ms = due_ms - clock_ms();

		ready = poll(&wait, 1, left_ms > INT_MAX ? -1 : left_ms < 0 ? 0 : (int)left_ms);
	} while (ready < 0 && errno == EINTR);
	return ready != 0;
}

static int wait_until(pid_t pid, int64_t due_ms)
{
	cleanup_close int pidfd = due_ms == INT64_MAX ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	bool late = pidfd >= 0 && !wait_readable(pidfd, due_ms);
	int status = 0;

	if (late)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (late)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_wait(pid_t pid, int64_t timeout_ms)
{
	return wait_until(pid, due_after(timeout_ms));
}

/* Append what comes through @fd, to its end or until @due_ms. */
static void read_until(int fd, int64_t due_ms, struct str *ret_text)
{
	char part[4096];
	ssize_t got = 1;

	while (got && wait_readable(fd, due_ms)) {
		got = read(fd, part, sizeof(part));
		if (got < 0 && errno != EINTR)
			return;
		if (got > 0)
			str_add_len(ret_text, part, (size_t)got);
	}
}

_Noreturn void child_answer(child_fn fn, void *arg, int out)
{
	struct str answer = { 0 };
	int result = fn(arg, &answer);

	str_add_len(&answer, (const char *)&result, sizeof(result));
	_exit(file_write_all(out, answer.text, answer.len) ? 1 : 0);
}

int child_take_result(struct str *answer)
{
	int result;

	if (answer->len < sizeof(result))
		return -ECHILD;
	answer->len -= sizeof(result);
	memcpy(&result, answer->text + answer->len, sizeof(result));
	answer->text[answer->len] = 0;
	return result;
}

int child_call_in(const struct namespaces *own, child_fn fn, void *arg, char **ret_text)
{
	cleanup_str struct str answer = { 0 };
	int pipes[2], ret;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	pid = fork_child(own, SIGKILL);
	if (!pid)
		child_answer(fn, arg, pipes[1]);
	close(pipes[1]);
	if (pid > 0) {
		read_until(pipes[0], INT64_MAX, &answer);
		(void)child_wait(pid, 0);
	}
	close(pipes[0]);
	ret = pid < 0 ? (int)pid : child_take_result(&answer);
	if (ret_text)
		*ret_text = str_take(&answer);
	return ret;
}

int child_call(child_fn fn, void *arg, char **ret_text)
{
	return child_call_in(&(struct namespaces){ 0 }, fn, arg, ret_text);
}

static _Noreturn void become_program(const struct child_program *program, int in, int out)
{
	if (dup2(in, STDIN_FILENO) < 0 || (out >= 0 && dup2(out, STDOUT_FILENO) < 0) ||
	    (out >= 0 && !program->own_errors && dup2(out, STDERR_FILENO) < 0) ||
	    chdir(program->dir ? program->dir : "/"))
		_exit(127);
	execvpe(program->argv[0], program->argv, program->envp ? program->envp : environ);
	_exit(127);
}

int child_exec(const struct child_program *program, struct str *ret_output)
{
	cleanup_close int in = program->input_fd ? fcntl(program->input_fd, F_DUPFD_CLOEXEC, 3)
	                       : program->input
	                               ? file_in_memory(program->input, strlen(program->input))
	                               : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int pipes[2] = { -1, -1 };
	int64_t due_ms = due_after(program->timeout_ms);
	pid_t pid;

	if (in < 0 || (ret_output && pipe2(pipes, O_CLOEXEC)))
		return -errno;
	pid = child_fork(SIGKILL);
	if (!pid)
		become_program(program, in, pipes[1]);
	if (ret_output) {
		close(pipes[1]);
		if (pid > 0)
			read_until(pipes[0], due_ms, ret_output);
		close(pipes[0]);
	}
	return pid < 0 ? (int)pid : wait_until(pid, due_ms);
}
