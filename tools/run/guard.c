/* SPDX-License-Identifier: MIT */
/*
 * The cleanup guard: a process that outlives the supervisor by a moment and does nothing else.
 *
 * It is started before the first worker, in a session of its own, with every signal blocked. It waits on a channel to the
 * supervisor. A byte says that all is done, and the guard goes. The end of file without it says that the supervisor is dead.
 * Worker inits end their workers on their own then; the guard waits for them, with a deadline, until a pipe whose writing end
 * each of them holds is at its end. Then it kills what escaped (a worker init may have been killed, too), and removes the run's
 * traces.
 *
 * It holds the leases of the blocks and the run's lock until it is done: no other run takes a port that may still be
 * bound, and nobody reaps what is being removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/process/confine.h"
#include "tools/base/file.h"
#include "tools/run/allocate.h"
#include "tools/state/reap.h"
#include "tools/run/run.h"

enum { INITS_MAX_MS = 8000 };

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Close everything but @keep. The supervisor has hundreds of descriptors; a guard with a copy would hide its death. */
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

static void let_go(struct run *run, int alive, int channel)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	size_t count = 3;
	int *keep;

	for (unsigned int i = 0; i < run->made; i++)
		count += run->workers[i].block.lease_count;
	keep = mem_alloc(count * sizeof(*keep));
	count = 0;
	keep[count++] = run->lock;
	keep[count++] = alive;
	keep[count++] = channel;
	for (unsigned int i = 0; i < run->made; i++)
		for (unsigned int j = 0; j < run->workers[i].block.lease_count; j++)
			keep[count++] = run->workers[i].block.leases[j];
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	close_others(keep, count);
	free(keep);
	if (chdir("/"))
		return; /* the working directory only keeps a file system busy */
}

/* Return: true if the supervisor said that it has removed everything itself. */
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

static void guard_main(struct run *run, int alive, int channel)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "berth-guard");
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	let_go(run, alive, channel);
	(void)confine(CONFINE_GUARD, 0);
	if (wait_for_end(alive, channel))
		_exit(0);
	run_kill_strays(run->id, run->dir);
	allocate_end(run);
	run_remove_traces(run);
	_exit(0);
}

int guard_start(struct run *run)
{
	int alive[2], channel[2];

	if (pipe2(alive, O_CLOEXEC))
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel))
		return -errno;
	run->guard = fork();
	if (!run->guard) {
		close(alive[1]);
		close(channel[1]);
		guard_main(run, alive[0], channel[0]);
	}
	close(alive[0]);
	close(channel[0]);
	run->alive = alive[1];
	run->guard_channel = channel[1];
	return run->guard < 0 ? -errno : 0;
}

void guard_release(struct run *run)
{
	if (run->guard <= 0)
		return;
	(void)send(run->guard_channel, "", 1, MSG_NOSIGNAL);
	waitpid(run->guard, NULL, 0);
	run->guard = 0;
}
