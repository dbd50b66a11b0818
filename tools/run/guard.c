/* SPDX-License-Identifier: MIT */
/*
 * The guard has a session of its own and blocks every signal. It waits on a channel to the
 * supervisor. A byte says that all is done, and the guard ends. End of file without it means that
 * the supervisor is dead. The worker inits then end their workers; each of them holds the writing
 * end of a pipe, and the guard waits for the end of that pipe, with a deadline. Then it cleans up.
 *
 * It holds the leases of the blocks and the run's lock until then: no other run takes a port that
 * may still be bound, and no other command removes what is being removed.
 */
#include "tools/run/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/str.h"
#include "tools/process/confine.h"

enum { INITS_MAX_MS = 8000 };

struct guard {
	pid_t pid;
	int channel; /* the guard sees its end when the supervisor dies */
	int alive;   /* writing end, held by the supervisor and the worker inits */
};

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The supervisor has hundreds of descriptors; a copy of some would hide its death. */
static void close_others(int *keep, size_t count)
{
	int from = 3;

	qsort(keep, count, sizeof(*keep), by_number);
	for (size_t i = 0; i < count; i++) {
		if (keep[i] > from)
			close_range((unsigned int)from, (unsigned int)keep[i] - 1, 0);
		if (keep[i] >= from)
			from = keep[i] + 1;
	}
	close_range((unsigned int)from, ~0u, 0);
}

static void close_all_but(const struct guard_setup *setup, int alive, int channel)
{
	int *keep = mem_alloc((setup->keep_count + 2) * sizeof(*keep));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	memcpy(keep, setup->keep, setup->keep_count * sizeof(*keep));
	keep[setup->keep_count] = alive;
	keep[setup->keep_count + 1] = channel;
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	close_others(keep, setup->keep_count + 2);
	free(keep);
}

/* Return: true if the supervisor has removed everything itself. */
static bool wait_for_end(int alive, int channel)
{
	struct pollfd fds[2] = { { channel, POLLIN, 0 }, { alive, POLLIN, 0 } };
	char byte;

	while (poll(fds, 1, -1) < 0 && errno == EINTR)
		;
	if (recv(channel, &byte, 1, MSG_DONTWAIT) == 1)
		return true;
	while (poll(fds + 1, 1, INITS_MAX_MS) < 0 && errno == EINTR)
		;
	return false;
}

static void guard_main(const struct guard_setup *setup, int alive, int channel)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "berth-guard");
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close_all_but(setup, alive, channel);
	(void)!chdir("/"); /* a working directory would keep its file system busy */
	(void)confine(CONFINE_GUARD, 0);
	if (!wait_for_end(alive, channel))
		setup->clean_up(setup->arg);
	_exit(0);
}

int guard_start(const struct guard_setup *setup, struct guard **ret_guard)
{
	int alive[2], channel[2];
	pid_t pid;

	if (pipe2(alive, O_CLOEXEC))
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel))
		return -errno;
	pid = fork();
	if (!pid) {
		close(alive[1]);
		close(channel[1]);
		guard_main(setup, alive[0], channel[0]);
	}
	if (pid < 0)
		return -errno;
	close(alive[0]);
	close(channel[0]);
	*ret_guard = mem_alloc(sizeof(**ret_guard));
	**ret_guard = (struct guard){ pid, channel[1], alive[1] };
	return 0;
}

pid_t guard_pid(const struct guard *guard)
{
	return guard ? guard->pid : 0;
}

void guard_close_channel(const struct guard *guard)
{
	close(guard->channel);
}

void guard_release(struct guard *guard)
{
	if (!guard)
		return;
	(void)send(guard->channel, "", 1, MSG_NOSIGNAL);
	waitpid(guard->pid, NULL, 0);
	close(guard->channel);
	close(guard->alive);
	free(guard);
}
