/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. A killed process may have children that become ours: look again until none
 * does.
 */
#include "tools/run/worker/orphans.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/process/family.h"
#include "tools/process/owner.h"

enum { KILL_MAX_MS = 3000 };

/* Return: true if there was anything to kill. */
static bool kill_all(pid_t pid)
{
	cleanup_pids struct pids below = { 0 };

	process_descendants(pid, &below);
	for (size_t i = 0; i < below.count; i++)
		kill(below.list[i], SIGKILL);
	kill(pid, SIGKILL);
	return waitpid(pid, NULL, WNOHANG) == 0 || below.count;
}

void orphans_kill(const char *run_id, unsigned int worker, bool (*is_needed)(void *arg, pid_t pid),
                  void *arg)
{
	int64_t due_ms = clock_ms() + KILL_MAX_MS;
	bool any;

	do {
		cleanup_pids struct pids children = { 0 };

		any = false;
		process_children(getpid(), &children);
		for (size_t i = 0; i < children.count; i++) {
			pid_t pid = children.list[i];

			/* servers and relays of other workers are our children, too */
			if (!is_needed(arg, pid) && (!worker || owner_is(pid, run_id, worker)))
				any |= kill_all(pid);
		}
		if (any)
			poll(NULL, 0, 1);
	} while (any && clock_ms() < due_ms);
}
