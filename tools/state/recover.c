/* SPDX-License-Identifier: MIT */
/*
 * Three steps for all runs at once, each with a deadline: SIGTERM, which a supervisor passes on to
 * its workers; SIGTERM again, upon which it kills them; SIGKILL, upon which the cleanup guard
 * removes everything. A stopped supervisor is continued first. What is left then is reaped.
 *
 * A run is over when no process holds its lock: the cleanup guard works after the supervisor's end.
 * The pid in a state file may belong to another process by now. So signals go through a pidfd, only
 * to a process that has our name, and only while the run's lock is held.
 */
#include "tools/state/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/log.h"
#include "tools/process/owner.h"
#include "tools/process/proc.h"
#include "tools/state/reap.h"
#include "tools/state/runtime.h"
#include "tools/state/state.h"

enum { EVERY_MS = 20, LEFTOVERS_MAX_MS = 2000 };

static const struct {
	int number;
	const char *name;
	int64_t wait_ms;
} steps[] = {
	{ SIGTERM, "SIGTERM", 12000 }, /* the default grace period and two seconds */
	{ SIGTERM, "a second SIGTERM", 6000 },
	{ SIGKILL, "SIGKILL", 12000 }, /* the guard waits for the worker inits */
};

/* Return: a pidfd of the run's supervisor; -ESRCH if another process has its pid. */
static int open_supervisor(const struct run_state *run)
{
	struct proc_stat theirs, ours;
	cleanup_close int fd = run->pid > 1 ? (int)syscall(SYS_pidfd_open, run->pid, 0) : -1;

	if (fd < 0 || proc_read_stat(run->pid, &theirs) || proc_read_stat(getpid(), &ours) ||
	    strcmp(theirs.comm, ours.comm))
		return -ESRCH;
	return steal_fd(&fd);
}

static void send_step(const struct run_state *run, size_t step, struct recovery *recovery)
{
	cleanup_close int supervisor = open_supervisor(run);

	if (supervisor < 0 || runtime_is_dead(run->id))
		return; /* the cleanup guard is at work, or the run is over */
	log_act("kill -%d %d", steps[step].number, (int)run->pid);
	(void)syscall(SYS_pidfd_send_signal, supervisor, SIGCONT, NULL, 0);
	if (!syscall(SYS_pidfd_send_signal, supervisor, steps[step].number, NULL, 0))
		strv_own(&recovery->actions, str_print("run %s: sent %s to supervisor %d", run->id,
		                                       steps[step].name, (int)run->pid));
}

static size_t count_alive(const struct run_state *runs, size_t count)
{
	size_t alive = 0;

	for (size_t i = 0; i < count; i++)
		alive += runs[i].alive && !runtime_is_dead(runs[i].id);
	return alive;
}

static void end_runs(const struct run_state *runs, size_t count, struct recovery *recovery)
{
	for (size_t step = 0; step < ARRAY_LEN(steps) && count_alive(runs, count); step++) {
		int64_t due_ms = clock_ms() + steps[step].wait_ms;

		for (size_t i = 0; i < count; i++)
			if (runs[i].alive)
				send_step(&runs[i], step, recovery);
		while (count_alive(runs, count) && clock_ms() < due_ms)
			poll(NULL, 0, EVERY_MS);
	}
	for (size_t i = 0; i < count; i++)
		if (runs[i].alive && runtime_is_dead(runs[i].id))
			strv_own(&recovery->actions, str_print("run %s: ended", runs[i].id));
}

int recover_one(const struct run_state *run)
{
	struct recovery recovery = { 0 };
	int ret;

	end_runs(run, 1, &recovery);
	recovery_free(&recovery);
	ret = reap_runs(false, NULL);
	return runtime_is_dead(run->id) ? ret : -ETIMEDOUT;
}

static void list_runs(const struct run_state *runs, size_t count, struct recovery *recovery)
{
	for (size_t i = 0; i < count; i++)
		if (runs[i].alive)
			strv_own(&recovery->actions,
			         str_print("run %s: end supervisor %d and its %zu worker%s",
			                   runs[i].id, (int)runs[i].pid, runs[i].worker_count,
			                   runs[i].worker_count == 1 ? "" : "s"));
}

/* Search for leftovers, whatever the steps before have reported. */
static char **find_leftovers(const struct run_state *run)
{
	char **left = NULL;
	cleanup_pids struct pids pids = { 0 };
	cleanup_free char *cgroup = str_print("/berth-%s", run->id);
	bool own = run->cgroup_dir && str_ends(run->cgroup_dir, cgroup);
	const char *const places[] = { run->dir, run->scratch_dir, own ? run->cgroup_dir : NULL };

	owner_find(run->id, run->dir, &pids);
	for (size_t i = 0; i < pids.count; i++) {
		cleanup_free char *command = proc_command(pids.list[i]);

		strv_own(&left,
		         str_print("run %s: process %d %s", run->id, (int)pids.list[i], command));
	}
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (places[i] && *places[i] && !access(places[i], F_OK))
			strv_own(&left, str_print("run %s: %s", run->id, places[i]));
	if (!runtime_is_dead(run->id))
		strv_own(&left, str_print("run %s: its lock is held", run->id));
	return left;
}

/* A killed process needs a moment to end, and may have started others meanwhile. */
static void verify(const struct run_state *run, struct recovery *recovery)
{
	int64_t due_ms = clock_ms() + LEFTOVERS_MAX_MS;
	char **left = find_leftovers(run);

	while (left && clock_ms() < due_ms) {
		strv_free(left);
		reap_processes(run->id, run->dir);
		poll(NULL, 0, EVERY_MS);
		left = find_leftovers(run);
	}
	for (char **line = left; line && *line; line++)
		strv_add(&recovery->leftovers, *line);
	strv_free(left);
}

int recover_runs(bool dry_run, struct recovery *ret_recovery)
{
	cleanup_strv char **reaped = NULL;
	struct run_state *runs;
	size_t count;
	int ret = state_list(&runs, &count);

	*ret_recovery = (struct recovery){ 0 };
	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++)
		strv_add(&ret_recovery->ids, runs[i].id);
	if (dry_run)
		list_runs(runs, count, ret_recovery);
	else
		end_runs(runs, count, ret_recovery);
	(void)reap_runs(dry_run, &reaped); /* verify() finds what it did not remove */
	for (char **line = reaped; line && *line; line++) {
		const char *what = strstr(*line, ": ");

		strv_own(&ret_recovery->actions,
		         str_print("%.*s: %s%s", (int)(what ? what - *line : 0), *line,
		                   dry_run ? "remove " : "removed ", what ? what + 2 : *line));
	}
	for (size_t i = 0; i < count && !dry_run; i++)
		verify(&runs[i], ret_recovery);
	state_list_free(runs, count);
	return 0;
}

void recovery_free(struct recovery *recovery)
{
	strv_free(recovery->ids);
	strv_free(recovery->actions);
	strv_free(recovery->leftovers);
	*recovery = (struct recovery){ 0 };
}
