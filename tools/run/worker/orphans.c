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
static bool kill_once(const struct orphans *orphans)
{
	cleanup_pids struct pids children = { 0 };
	bool any = false;

	process_children(getpid(), &children);
	for (size_t i = 0; i < children.count; i++) {
		cleanup_pids struct pids below = { 0 };

		if (orphans->needs_process(orphans->arg, children.list[i]) ||
		    (orphans->worker &&
		     !owner_is(children.list[i], orphans->run_id, orphans->worker)))
			continue; /* servers and relays of other workers are our children, too */
		process_descendants(children.list[i], &below);
		for (size_t j = 0; j < below.count; j++)
			kill(below.list[j], SIGKILL);
		kill(children.list[i], SIGKILL);
		any = waitpid(children.list[i], NULL, WNOHANG) == 0 || below.count || any;
	}
	return any;
}

void orphans_kill(const struct orphans *orphans)
{
	int64_t due_ms = clock_ms() + KILL_MAX_MS;

	while (kill_once(orphans) && clock_ms() < due_ms)
		poll(NULL, 0, 1);
}
