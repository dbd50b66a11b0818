/* SPDX-License-Identifier: MIT */
/*
 * The connection is a SOCK_SEQPACKET pair: one message is one line. The child ignores SIGINT,
 * SIGTERM and SIGPIPE, because its parent tells it when to end, or the end of the connection does.
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

enum { LINE_MAX_BYTES = 4096 };

struct coproc {
	struct coproc_setup setup;
	int line, pidfd;
};

static _Noreturn void child_main(const struct coproc_setup *setup, int line)
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
	setup->main(setup->main_arg, line);
	_exit(0);
}

static void coproc_free(struct coproc *coproc)
{
	loop_remove(coproc->setup.loop, coproc->line);
	loop_remove(coproc->setup.loop, coproc->pidfd);
	close(coproc->line);
	close(coproc->pidfd);
	free(coproc);
}

static void on_readable(void *arg, int fd, uint32_t events)
{
	struct coproc *coproc = arg;
	char text[LINE_MAX_BYTES + 1];
	ssize_t got = recv(fd, text, LINE_MAX_BYTES, MSG_DONTWAIT);

	(void)events;
	if (got <= 0) {
		if (!got || errno != EAGAIN)
			loop_remove(coproc->setup.loop, fd);
		return;
	}
	text[got] = 0;
	coproc->setup.on_line(coproc->setup.arg, text);
}

static void on_gone(void *arg, int fd, uint32_t events)
{
	struct coproc *coproc = arg;
	char text[LINE_MAX_BYTES + 1];
	ssize_t got;

	(void)fd;
	(void)events;
	while ((got = recv(coproc->line, text, LINE_MAX_BYTES, MSG_DONTWAIT)) > 0) {
		text[got] = 0;
		coproc->setup.on_line(coproc->setup.arg, text);
	}
	waitid(P_PIDFD, (id_t)coproc->pidfd, NULL, WEXITED);
	loop_remove(coproc->setup.loop, coproc->line); /* no more calls, whatever on_end() does */
	loop_remove(coproc->setup.loop, coproc->pidfd);
	coproc->setup.on_end(coproc->setup.arg);
	coproc_free(coproc);
}

int coproc_start(const struct coproc_setup *setup, struct coproc **ret_coproc)
{
	struct coproc *coproc;
	int lines[2], pidfd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lines))
		return -errno;
	pid = fork();
	if (!pid)
		child_main(setup, lines[1]);
	close(lines[1]);
	pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (pidfd < 0) {
		int ret = -errno;

		close(lines[0]);
		return ret;
	}
	coproc = mem_alloc(sizeof(*coproc));
	*coproc = (struct coproc){ *setup, lines[0], pidfd };
	loop_add(setup->loop, coproc->line, EPOLLIN, on_readable, coproc);
	loop_add(setup->loop, coproc->pidfd, EPOLLIN, on_gone, coproc);
	*ret_coproc = coproc;
	return 0;
}

void coproc_send(struct coproc *coproc, const char *text)
{
	(void)send(coproc->line, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void coproc_kill(struct coproc *coproc)
{
	if (!coproc)
		return;
	syscall(SYS_pidfd_send_signal, coproc->pidfd, SIGKILL, NULL, 0);
	waitid(P_PIDFD, (id_t)coproc->pidfd, NULL, WEXITED);
	coproc_free(coproc);
}

void coproc_report(int line, const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list list;

	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	(void)send(line, text, strnlen(text, LINE_MAX_BYTES), MSG_NOSIGNAL);
}

char *coproc_receive(int line, int timeout_ms, bool *ret_closed)
{
	struct pollfd wait = { .fd = line, .events = POLLIN };
	char text[LINE_MAX_BYTES];
	ssize_t got;

	*ret_closed = false;
	if (poll(&wait, 1, timeout_ms) <= 0)
		return NULL;
	got = recv(line, text, sizeof(text), MSG_DONTWAIT);
	*ret_closed = !got || (got < 0 && errno != EAGAIN);
	return got > 0 ? str_copy_len(text, (size_t)got) : NULL;
}
