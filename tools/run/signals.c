/* SPDX-License-Identifier: MIT */
/*
 * A signal that was ignored when we were started (nohup) is ignored by the command, too, unless the
 * command has changed that: such a signal is passed on and ends nothing.
 */
#include "tools/run/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

struct signals {
	int fd;
	sigset_t ignored; /* when we were started */
};

static bool is_ignored(int number)
{
	struct sigaction now;

	return !sigaction(number, NULL, &now) && now.sa_handler == SIG_IGN;
}

int signals_open(bool single, struct worker_init_inherit *inherit, struct signals **ret_signals)
{
	static const int always[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	const struct sigaction ignore = { .sa_handler = SIG_IGN },
			       usual = { .sa_handler = SIG_DFL };
	struct signals *signals = mem_alloc(sizeof(*signals));
	sigset_t set;

	*ret_signals = signals;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		sigaddset(&set, always[i]);
	if (!single)
		sigaddset(&set, SIGTSTP);
	sigemptyset(&signals->ignored);
	for (int number = 1; number < NSIG; number++)
		if (sigismember(&set, number) == 1 && is_ignored(number))
			sigaddset(&signals->ignored, number);
	sigprocmask(SIG_BLOCK, &set, &inherit->mask);
	sigaction(SIGPIPE, &ignore, &inherit->pipe);
	/* beyond RLIMIT_FSIZE our own files get EFBIG, which is reported, setrlimit(2) */
	sigaction(SIGXFSZ, &ignore, &inherit->file_size);
	/* a process that ignores SIGCHLD cannot wait for a child, wait(2) */
	sigaction(SIGCHLD, &usual, &inherit->child);
	/* if a worker init is killed, its children become ours, not those of the host's init */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd < 0 ? -errno : 0;
}

void signals_close(struct signals *signals)
{
	if (signals && signals->fd >= 0)
		close(signals->fd);
	free(signals);
}

int signals_fd(const struct signals *signals)
{
	return signals->fd;
}

bool signals_next(struct signals *signals, struct run_signal *ret_signal)
{
	struct signalfd_siginfo info;
	int number;

	if (read(signals->fd, &info, sizeof(info)) != sizeof(info))
		return false;
	number = (int)info.ssi_signo;
	*ret_signal = (struct run_signal){ .number = number,
		                           .from_terminal = info.ssi_code == SI_KERNEL };
	if (sigismember(&signals->ignored, number))
		return true;
	if (number == SIGINT || number == SIGTERM || number == SIGHUP)
		ret_signal->meaning = SIGNAL_END;
	else if (number == SIGTSTP)
		ret_signal->meaning = SIGNAL_STOP;
	return true;
}
