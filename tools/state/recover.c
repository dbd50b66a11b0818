/* SPDX-License-Identifier: MIT */
/*
 * Three steps, for all runs at once, each with a deadline: SIGTERM, which a supervisor passes on to its workers; SIGTERM
 * again, upon which it kills them; SIGKILL, upon which its guard tears down in its stead. A supervisor that is stopped is
 * continued first, or it could not even begin. What is left then is debris, and reaped like any.
 *
 * Laws: a run is over when nobody holds its lock, not when its supervisor is gone, because the guard works after that. A
 * signal goes through a pidfd to a process that is a `berth` and whose run's lock is still held: a pid of a state file
 * alone could be anybody's by now.
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
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/process/owner.h"
#include "tools/process/proc.h"
#include "tools/state/reap.h"
#include "tools/state/state.h"

enum { EVERY_MS = 20, LOOK_EVERY_MS = 20, LOOK_MOST_MS = 2000 };

static const struct {
	int number;
	const char *name;
	int64_t wait_ms;
} steps[] = {
	{ SIGTERM, "SIGTERM", 12000 }, /* the default grace, and a moment */
	{ SIGTERM, "a second SIGTERM", 6000 },
	{ SIGKILL, "SIGKILL", 12000 }, /* the guard waits for worker inits */
};

/* Return: a pidfd of the run's supervisor; -ESRCH if that is not what has its pid. */
static int open_supervisor(const struct run_state *run)
{
	struct proc_stat theirs, ours;
	cleanup_close int fd = run->pid > 1 ? (int)syscall(SYS_pidfd_open, run->pid, 0) : -1;

	if (fd < 0 || proc_read_stat(run->pid, &theirs) || proc_read_stat(getpid(), &ours) ||
	    strcmp(theirs.comm, ours.comm))
		return -ESRCH;
	return steal_fd(&fd);
}

/* Is this run, known from before, still alive? */
static bool is_alive(const char *id)
{
	struct run_state run;
	bool alive;

	if (state_load(id, &run))
		return false;
	alive = run.alive;
	state_free(&run);
	return alive;
}

static void send_step(const struct run_state *run, size_t step, struct recovery *recovery)
{
	cleanup_close int supervisor = open_supervisor(run);

	if (supervisor < 0 || !is_alive(run->id))
		return; /* its guard is at work */
	log_act("kill -%d %d", steps[step].number, (int)run->pid);
	(void)syscall(SYS_pidfd_send_signal, supervisor, SIGCONT, NULL, 0);
	if (!syscall(SYS_pidfd_send_signal, supervisor, steps[step].number, NULL, 0))
		strv_own(&recovery->did, str_print("run %s: sent %s to supervisor %d", run->id,
		                                   steps[step].name, (int)run->pid));
}

static size_t count_alive(const struct run_state *runs, size_t count)
{
	size_t alive = 0;

	for (size_t i = 0; i < count; i++)
		alive += runs[i].alive && is_alive(runs[i].id);
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
		if (runs[i].alive && !is_alive(runs[i].id))
			strv_own(&recovery->did, str_print("run %s: ended", runs[i].id));
}

static void say_wanted(const struct run_state *runs, size_t count, struct recovery *recovery)
{
	for (size_t i = 0; i < count; i++)
		if (runs[i].alive)
			strv_own(&recovery->did,
			         str_print("run %s: end supervisor %d and its %zu worker%s",
			                   runs[i].id, (int)runs[i].pid, runs[i].worker_count,
			                   runs[i].worker_count == 1 ? "" : "s"));
}

/* Whatever a run could have left, looked for once more, independently of what was said to be removed. */
static char **look(const struct run_state *run)
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
	if (is_alive(run->id))
		strv_own(&left, str_print("run %s: its lock is held", run->id));
	return left;
}

/* What was killed may still be on its way out: only what is there after a moment is left. */
static void verify(const struct run_state *run, struct recovery *recovery)
{
	int64_t due_ms = clock_ms() + LOOK_MOST_MS;
	char **left = look(run);

	while (left && clock_ms() < due_ms) {
		strv_free(left);
		/* what was born while the others were killed */
		run_kill_strays(run->id, run->dir);
		poll(NULL, 0, LOOK_EVERY_MS);
		left = look(run);
	}
	for (char **line = left; line && *line; line++)
		strv_add(&recovery->left, *line);
	strv_free(left);
}

int run_recover(bool dry_run, struct recovery *ret_recovery)
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
		say_wanted(runs, count, ret_recovery);
	else
		end_runs(runs, count, ret_recovery);
	(void)run_reap(dry_run, &reaped); /* what it could not, verify() finds */
	for (char **line = reaped; line && *line; line++) {
		const char *what = strstr(*line, ": ");

		strv_own(&ret_recovery->did,
		         str_print("%.*s: %s%s", (int)(what ? what - *line : 0), *line,
		                   dry_run ? "remove " : "removed ", what ? what + 2 : *line));
	}
	for (size_t i = 0; i < count && !dry_run; i++)
		verify(&runs[i], ret_recovery);
	state_list_free(runs, count);
	return 0;
}

void run_recovery_free(struct recovery *recovery)
{
	strv_free(recovery->ids);
	strv_free(recovery->did);
	strv_free(recovery->left);
	*recovery = (struct recovery){ 0 };
}
