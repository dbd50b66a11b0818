/* SPDX-License-Identifier: MIT */
/*
 * A run is dead when no process holds its lock. Its processes are found by their environment
 * (tools/process/owner.h), because supervisor, cleanup guard and worker init may all have been
 * killed, and there may be no cgroup.
 */
#include "tools/state/reap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/db/engine/programs.h"
#include "tools/ports/allocated.h"
#include "tools/limits/cgroup.h"
#include "tools/process/owner.h"
#include "tools/process/proc.h"
#include "tools/state/runtime.h"
#include "tools/state/state.h"

enum { KILL_MAX_MS = 3000, INITS_MAX_MS = 7000, EVERY_MS = 10, CGROUP_MAX_MS = 2000 };

void reap_processes(const char *run_id, const char *run_dir)
{
	int64_t due_ms = clock_ms() + KILL_MAX_MS;

	do {
		cleanup_pids struct pids pids = { 0 };
		size_t others = 0;

		owner_find(run_id, run_dir, &pids);
		for (size_t i = 0; i < pids.count; i++) {
			if (pids.list[i] == getpid() || pids.list[i] == getppid())
				continue;
			others += !kill(pids.list[i], SIGKILL);
		}
		if (!others)
			return;
		poll(NULL, 0, EVERY_MS);
	} while (clock_ms() < due_ms);
}

static void list_add(char ***list, const struct run_state *run, const char *what,
                     const char *subject)
{
	if (list && subject)
		strv_own(list, str_print("run %s: %s %s", run->id, what, subject));
}

static void list_processes(char ***list, const struct run_state *run)
{
	cleanup_pids struct pids pids = { 0 };

	if (!list)
		return;
	owner_find(run->id, run->dir, &pids);
	for (size_t i = 0; i < pids.count; i++) {
		cleanup_free char *command = proc_command(pids.list[i]);
		cleanup_free char *subject = str_print("%d %s", (int)pids.list[i], command);

		if (pids.list[i] != getpid())
			list_add(list, run, "process", subject);
	}
}

/* Removes only cgroups with the name that we give them, because a user can edit state.json. */
static char **own_cgroups(const struct run_state *run)
{
	cleanup_free char *name = str_print("/berth-%s", run->id);
	char **own = NULL;

	if (run->cgroup_dir && str_ends(run->cgroup_dir, name))
		strv_add(&own, run->cgroup_dir);
	for (char **dir = run->limit_dirs; dir && *dir; dir++)
		if (str_ends(*dir, name))
			strv_add(&own, *dir);
	return own;
}

static void remove_allocated_ports(const struct run_state *run)
{
	const struct allocated_run owner = { run->results_dir, run->id, run->project_dir,
		                             run->started_ns };

	if (run->results_dir)
		(void)allocated_put(&owner, NULL, 0, runtime_is_dead);
}

static int reap_one(const struct run_state *run, bool dry_run, char ***list)
{
	cleanup_strv char **cgroups = own_cgroups(run);
	bool scratch = run->scratch_dir && runtime_is_scratch(run->id, run->scratch_dir);
	int ret, one;

	list_processes(list, run);
	for (char **cgroup = cgroups; cgroup && *cgroup; cgroup++)
		list_add(list, run, "cgroup", *cgroup);
	list_add(list, run, "files", run->dir);
	if (scratch && !access(run->scratch_dir, F_OK))
		list_add(list, run, "trees and temporary files", run->scratch_dir);
	if (dry_run)
		return 0;
	/* the workers' init processes see the supervisor's end and clean up */
	(void)runtime_wait_inits(run->dir, INITS_MAX_MS);
	ret = cgroup_remove_all(cgroups, CGROUP_MAX_MS);
	ret = ret ? ret : cgroup_remove_named(run->id, CGROUP_MAX_MS);
	reap_processes(run->id, run->dir);
	one = scratch ? runtime_remove_scratch(run->scratch_dir) : 0;
	if (ret || one)
		return ret ? ret : one; /* the next call finds the rest by run->dir */
	remove_allocated_ports(run);
	db_programs_remove_socket_dirs(run->dir);
	return dir_remove(run->dir);
}

/* Of two berth commands at once, the one that gets the lock does it. */
static int reap_locked(const struct run_state *run, bool dry_run, char ***list)
{
	cleanup_free char *path = str_print("%s/lock", run->dir);
	cleanup_close int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB))
		return 0;
	return reap_one(run, dry_run, list);
}

int reap_runs(bool dry_run, char ***ret_list)
{
	struct run_state *runs;
	size_t count;
	int ret = state_list(&runs, &count);

	if (ret_list)
		*ret_list = NULL;
	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++) {
		int one = runs[i].alive ? 0 : reap_locked(&runs[i], dry_run, ret_list);

		ret = ret ? ret : one;
	}
	state_list_free(runs, count);
	if (!dry_run)
		runtime_sweep();
	return ret;
}
