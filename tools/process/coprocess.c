/* SPDX-License-Identifier: MIT */
/*
 * The line is a SOCK_SEQPACKET pair: one message is one line, so nobody has to put halves together. The child ignores
 * SIGINT, SIGTERM and SIGPIPE: its parent tells it when to end, or the end of the line does.
 */
#include "tools/process/coprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

enum { LINE_MOST = 4096 };

struct coproc {
	struct loop *loop;
	coproc_line_fn said;
	coproc_end_fn ended;
	void *arg;
	int line, pidfd;
};

static _Noreturn void child_main(coproc_main_fn run, void *arg, int line)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (line != 3) {
		dup3(line, 3, O_CLOEXEC);
		line = 3;
	}
	syscall(SYS_close_range, 4u, ~0u, 0);
	setsid();
	run(arg, line);
	_exit(0);
}

static void coproc_free(struct coproc *agent)
{
	loop_remove(agent->loop, agent->line);
	loop_remove(agent->loop, agent->pidfd);
	close(agent->line);
	close(agent->pidfd);
	free(agent);
}

static void on_line(void *arg, int fd, uint32_t events)
{
	struct coproc *agent = arg;
	char text[LINE_MOST + 1];
	ssize_t got = recv(fd, text, LINE_MOST, MSG_DONTWAIT);

	(void)events;
	if (got <= 0) {
		if (!got || errno != EAGAIN)
			loop_remove(agent->loop, fd);
		return;
	}
	text[got] = 0;
	agent->said(agent->arg, text);
}

static void on_gone(void *arg, int fd, uint32_t events)
{
	struct coproc *agent = arg;
	char text[LINE_MOST + 1];
	ssize_t got;

	(void)fd;
	(void)events;
	while ((got = recv(agent->line, text, LINE_MOST, MSG_DONTWAIT)) > 0) {
		text[got] = 0;
		agent->said(agent->arg, text);
	}
	waitid(P_PIDFD, (id_t)agent->pidfd, NULL, WEXITED);
	loop_remove(agent->loop, agent->line); /* no more calls, whatever ended() does */
	loop_remove(agent->loop, agent->pidfd);
	agent->ended(agent->arg);
	coproc_free(agent);
}

int coproc_start(struct loop *loop, coproc_main_fn run, void *run_arg, coproc_line_fn said,
                 coproc_end_fn ended, void *arg, struct coproc **ret_agent)
{
	struct coproc *agent;
	int lines[2], pidfd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lines))
		return -errno;
	pid = fork();
	if (!pid)
		child_main(run, run_arg, lines[1]);
	close(lines[1]);
	pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (pidfd < 0) {
		int ret = -errno;

		close(lines[0]);
		return ret;
	}
	agent = mem_alloc(sizeof(*agent));
	*agent = (struct coproc){ loop, said, ended, arg, lines[0], pidfd };
	loop_add(loop, agent->line, EPOLLIN, on_line, agent);
	loop_add(loop, agent->pidfd, EPOLLIN, on_gone, agent);
	*ret_agent = agent;
	return 0;
}

void coproc_say(struct coproc *agent, const char *text)
{
	(void)send(agent->line, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void coproc_discard(struct coproc *agent)
{
	if (!agent)
		return;
	syscall(SYS_pidfd_send_signal, agent->pidfd, SIGKILL, NULL, 0);
	waitid(P_PIDFD, (id_t)agent->pidfd, NULL, WEXITED);
	coproc_free(agent);
}

void coproc_tell(int line, const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list list;

	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	(void)send(line, text, strnlen(text, LINE_MOST), MSG_NOSIGNAL);
}

char *coproc_hear(int line, int timeout_ms, bool *ret_closed)
{
	struct pollfd wait = { .fd = line, .events = POLLIN };
	char text[LINE_MOST];
	ssize_t got;

	*ret_closed = false;
	if (poll(&wait, 1, timeout_ms) <= 0)
		return NULL;
	got = recv(line, text, sizeof(text), MSG_DONTWAIT);
	*ret_closed = !got || (got < 0 && errno != EAGAIN);
	return got > 0 ? str_copy_len(text, (size_t)got) : NULL;
}
