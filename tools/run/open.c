/* SPDX-License-Identifier: MIT */
/*
 * Everything that exists before the first worker, in the order in which it is made; run_remove_traces() undoes it in the
 * file system, from the supervisor or, if that was killed, from the guard.
 *
 * The directory of run-time files appears under its name only when its lock is already held (made beside, locked,
 * renamed): whoever sees it unlocked sees debris, never a run that is being born.
 *
 * As root the directory can be passed through by others, and the port maps can be written by others, because a suite
 * may change its user (PostgreSQL refuses to run as root); then a random name of 128 bits is what protects a map.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/db/engine/programs.h"
#include "tools/run/allocate.h"
#include "tools/limits/cgroup.h"
#include "tools/run/database.h"
#include "tools/run/run.h"
#include "tools/state/runtime.h"
#include "tools/run/watching.h"

/* @subject may be NULL. */
static int fail(char **ret_error, int ret, const char *what, const char *subject)
{
	if (subject)
		*ret_error = str_print("unable to %s '%s': %s", what, subject, strerror(-ret));
	else
		*ret_error = str_print("unable to %s: %s", what, strerror(-ret));
	return ret;
}

static int add_hint(char **error, int ret, const char *hint)
{
	cleanup_free char *plain = *error;

	*error = str_print("%s\nhint: %s", plain, hint);
	return ret;
}

static int fail_runtime(char **ret_error, int ret)
{
	cleanup_free char *path = NULL;

	(void)dir_runtime(&path);
	(void)fail(ret_error, ret, "make the directory for run-time files", path);
	return add_hint(ret_error, ret,
	                "it must be yours alone; with XDG_RUNTIME_DIR, a directory of yours, it "
	                "lies there");
}

/* One that another user has made (`sudo berth`) is not found to be so by the first worker. */
static int open_results(const char *dir, char **ret_error)
{
	cleanup_free char *runs = str_print("%s/runs", dir), *own = NULL;
	const char *elsewhere = "--results DIR puts them elsewhere";
	int ret = dir_make(dir, 0777);

	if (ret)
		return add_hint(ret_error, fail(ret_error, ret, "make the results directory", dir),
		                elsewhere);
	if (file_is_planted(dir)) {
		*ret_error = str_print("results directory '%s': it is another user's, in a "
		                       "directory where everybody can write",
		                       dir);
		return add_hint(ret_error, -EACCES, elsewhere);
	}
	if (!access(dir, W_OK) && (access(runs, F_OK) || !access(runs, W_OK)))
		return 0;
	ret = fail(ret_error, -errno, "write to the results directory", dir);
	own = str_print("if an earlier run was root's: sudo chown -R $USER %s; or: --results DIR",
	                dir);
	return add_hint(ret_error, ret, ret == -EACCES ? own : elsewhere);
}

static int open_places(struct run *run, const struct run_options *options, char **ret_error)
{
	cleanup_free char *ignore = NULL;
	int ret;

	run->cwd = getcwd(NULL, 0);
	if (!run->cwd) {
		ret = fail(ret_error, -errno, "find the working directory", NULL);
		return add_hint(ret_error, ret, "if it has been removed, go into one that exists");
	}
	run->project_dir = str_copy(options->project_dir ? options->project_dir : run->cwd);
	run->results_dir = options->results_dir ? str_copy(options->results_dir)
	                                        : str_print("%s/.berth", run->project_dir);
	if (run->results_dir[0] != '/') {
		char *absolute = str_print("%s/%s", run->cwd, run->results_dir);

		free(run->results_dir);
		run->results_dir = absolute;
	}
	ret = open_results(run->results_dir, ret_error);
	if (ret)
		return ret;
	ignore = str_print("%s/.gitignore", run->results_dir);
	if (!options->results_dir && access(ignore, F_OK))
		(void)file_replace(ignore, "*\n", 2, 0644);
	ret = dir_install(&run->install_dir);
	if (!ret)
		return 0;
	return add_hint(ret_error, fail(ret_error, ret, "find berth's own files", NULL),
	                "is /proc mounted here?");
}

static int open_name(struct run *run, char **ret_error)
{
	int ret = runtime_make(run->results_dir, &run->id, &run->dir, &run->lock);

	if (ret)
		return fail_runtime(ret_error, ret);
	run->log_dir = str_print("%s/runs/%s", run->results_dir, run->id);
	plan_name_run(run->plan, run->options, run->id);
	return 0;
}

static int open_scratch(struct run *run, char **ret_error)
{
	int ret;

	run->scratch_dir = runtime_scratch(run->id);
	run_save_state(run);
	ret = runtime_make_scratch(run->scratch_dir);
	if (ret)
		return fail(ret_error, ret, "make the directory", run->scratch_dir);
	run->inits_lock = runtime_lock_inits(run->dir);
	return run->inits_lock < 0 ? fail(ret_error, run->inits_lock, "lock", run->dir) : 0;
}

static int open_ports(struct run *run, char **ret_error)
{
	const struct run_options *options = run->options;
	const struct ports_setup setup = {
		.range_first = options->range_first,
		.range_last = options->range_last,
		.block_len = options->block_len,
		.workers = run->made,
		.project = run->project_dir,
	};
	int ret = ports_open(&setup, &run->ports, ret_error);

	for (unsigned int i = 0; i < run->made && !ret; i++)
		ret = ports_claim(run->ports, run->workers[i].plan->task, &run->workers[i].block,
		                  ret_error);
	return ret;
}

static int open_maps(struct run *run, char **ret_error)
{
	for (unsigned int i = 0; i < run->made; i++) {
		struct run_worker *worker = &run->workers[i];
		cleanup_free char *name = str_print("w%u", worker->number);
		int ret = file_secret_path(run->dir, name, ".map", &worker->map_path);

		if (ret)
			return fail(ret_error, ret, "name the port map in", run->dir);
		ret = ports_map_create(run->ports, worker->map_path, geteuid() ? 0600 : 0666,
		                       worker->number, &worker->block, &worker->map);
		if (ret)
			return fail(ret_error, ret, "make the port map", worker->map_path);
		worker->map->flags = run->options->strict ? BERTH_MAP_STRICT : 0;
		for (const uint16_t *port = run->plan->share; *port; port++)
			berth_portmap_share(worker->map, *port);
	}
	return allocate_declare(run, ret_error);
}

static void open_cgroups(struct run *run)
{
	const struct limits_wanted wanted = { { [LIMIT_MEMORY] = run->options->mem_bytes,
		                                [LIMIT_PIDS] = run->options->pids,
		                                [LIMIT_CPU] = (uint64_t)(run->options->cpu_cores *
		                                                         1000) } };

	run->cgroup = cgroup_make(run->id, &run->cgroup_dir);
	for (unsigned int i = 0; i < run->made; i++) {
		struct run_worker *worker = &run->workers[i];
		int dir = run->cgroup < 0 ? -1
		                          : cgroup_make_worker(run->cgroup_dir, worker->number);

		worker->cgroup = dir < 0 ? -1 : dir;
		run->limits_unset |= limits_set(run->id, worker->number, worker->cgroup, &wanted,
		                                &worker->limits, &run->limit_places) != 0;
	}
}

static int open_isolate(struct run *run, char **ret_error)
{
	const struct isolate_setup setup = {
		.wanted = run->options->backend,
		.install_dir = run->install_dir,
		.run_dir = run->dir,
		.cgroup = run->cgroup,
		.workers = run->made,
		.loop = run->loop,
		.datagrams = !run->options->tcp_only,
	};
	int ret = isolate_open(&setup, &run->isolate, &run->isolate_reason);

	if (ret)
		*ret_error = str_print(
			"backend '%s' cannot work here: %s\nhint: --backend auto takes what works",
			isolate_backend_names[run->options->backend],
			run->isolate_reason ? run->isolate_reason : strerror(-ret));
	return ret;
}

static int open_tree(struct run *run, char **ret_error)
{
	const char *const needed[] = { run->dir, run->scratch_dir, run->install_dir,
		                       run->results_dir, NULL };
	const struct tree_setup setup = {
		.wanted = run->options->tree,
		.workers = run->count,
		.project_dir = run->project_dir,
		.cwd = run->cwd,
		.results_dir = run->results_dir,
		.scratch_dir = run->scratch_dir,
		.needed = needed,
	};
	int ret = tree_open(&setup, &run->tree, &run->tree_reason);

	if (ret)
		*ret_error = str_print(
			"tree '%s' cannot be had here: %s\nhint: --tree shared does without",
			tree_kind_names[run->options->tree],
			run->tree_reason ? run->tree_reason : strerror(-ret));
	return ret;
}

static int open_tmp(struct run *run, char **ret_error)
{
	for (unsigned int i = 0; i < run->made && !tree_private_tmp(run->tree); i++) {
		struct run_worker *worker = &run->workers[i];

		worker->tmp_dir = str_print("%s/w%u-tmp", run->scratch_dir, worker->number);
		if (mkdir(worker->tmp_dir, 0700) && errno != EEXIST)
			return fail(ret_error, -errno, "make the directory", worker->tmp_dir);
		if (!geteuid())
			chmod(worker->tmp_dir, 01777);
	}
	return 0;
}

/* We keep hundreds of descriptors for a large run; the suite gets the old limit back. */
static void raise_limits(struct run *run)
{
	struct rlimit more;

	getrlimit(RLIMIT_NOFILE, &run->inherit.files);
	more = run->inherit.files;
	more.rlim_cur = more.rlim_max > 65536 ? 65536 : more.rlim_max;
	if (more.rlim_cur > run->inherit.files.rlim_cur)
		setrlimit(RLIMIT_NOFILE, &more);
}

static bool is_ignored(int number)
{
	struct sigaction now;

	return !sigaction(number, NULL, &now) && now.sa_handler == SIG_IGN;
}

static int open_signals(struct run *run)
{
	static const int always[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	const struct sigaction ignore = { .sa_handler = SIG_IGN },
			       usual = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		sigaddset(&set, always[i]);
	if (!run->plan->single)
		sigaddset(&set, SIGTSTP);
	sigemptyset(&run->ignored);
	for (int number = 1; number < NSIG; number++)
		if (sigismember(&set, number) == 1 && is_ignored(number))
			sigaddset(&run->ignored, number);
	sigprocmask(SIG_BLOCK, &set, &run->inherit.mask);
	sigaction(SIGPIPE, &ignore, &run->inherit.pipe);
	/* who ignores it cannot wait for a child, wait(2) */
	sigaction(SIGCHLD, &usual, &run->inherit.child);
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	/* should a worker init be killed, its children become ours, not init's */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return run->signals < 0 ? -errno : loop_open(&run->loop);
}

static void set_up_workers(struct run *run)
{
	run->workers = mem_alloc(run->made * sizeof(*run->workers));
	for (unsigned int i = 0; i < run->made; i++)
		run->workers[i] = (struct run_worker){
			.run = run,
			.plan = i < run->count ? &run->plan->workers[i] : database_setup_plan(run),
			.number = i + 1,
			.setup = i == run->count,
			.cgroup = -1,
			.limits = LIMITS_NONE,
			.channel = -1,
			.log = -1,
			.out = { &run->workers[i], -1, 1, { 0 } },
			.err = { &run->workers[i], -1, 2, { 0 } },
		};
}

int run_open(const struct run_options *options, struct plan *plan, struct run **ret_run,
             char **ret_error)
{
	struct run *run = mem_alloc(sizeof(*run));
	int ret;

	*ret_run = run;
	run->options = options;
	run->plan = plan;
	run->count = run->made = plan->count;
	database_plan(run);
	run->cgroup = run->lock = run->signals = run->alive = run->guard_channel = run->inits_lock =
		-1;
	run->started_ms = clock_ms();
	run->started_wall_ns = clock_wall_ns();
	set_up_workers(run);
	raise_limits(run);
	ret = open_signals(run);
	if (ret)
		return fail(ret_error, ret, "set up signals", NULL);
	ret = open_places(run, options, ret_error);
	if (!ret)
		ret = open_name(run, ret_error);
	if (!ret)
		ret = open_scratch(run, ret_error);
	if (!ret)
		ret = open_ports(run, ret_error);
	if (!ret)
		ret = open_maps(run, ret_error);
	if (ret)
		return ret;
	open_cgroups(run);
	ret = open_isolate(run, ret_error);
	if (!ret)
		ret = open_tree(run, ret_error);
	if (!ret)
		ret = open_tmp(run, ret_error);
	if (!ret)
		ret = database_open(run, ret_error);
	if (ret)
		return ret;
	output_setup(run);
	watching_open(run);
	run_save_state(run);
	allocate_write(run);
	ret = guard_start(run);
	return ret ? fail(ret_error, ret, "start the cleanup guard", NULL) : 0;
}

void run_save_state(struct run *run)
{
	struct state_worker *workers = mem_alloc(run->count * sizeof(*workers));
	const struct run_state state = {
		.id = run->id,
		.pid = getpid(),
		.project_dir = run->project_dir,
		.results_dir = run->results_dir,
		.dir = run->dir,
		.scratch_dir = run->scratch_dir,
		.cgroup_dir = run->cgroup_dir,
		.limit_places = run->limit_places,
		.backend = (char *)(uintptr_t)
			isolate_backend_names[run->isolate ? isolate_backend(run->isolate)
		                                           : ISOLATE_NONE],
		.tree = (char *)(uintptr_t)tree_kind_names[tree_kind(run->tree)],
		.command = run->options->command,
		.started_ns = run->started_wall_ns,
		.workers = workers,
		.worker_count = run->count,
	};

	for (unsigned int i = 0; i < run->count; i++) {
		const struct run_worker *from = &run->workers[i];

		workers[i] = (struct state_worker){ from->number,     from->plan->task,
			                            from->pid,        from->init,
			                            from->block.base, from->block.len,
			                            from->map_path,   from->status,
			                            from->exit_status };
	}
	(void)state_save(&state); /* what cannot be shown still runs */
	run->state_dirty = false;
	free(workers);
}

void run_remove_traces(struct run *run)
{
	int cgroup = run->cgroup_dir ? cgroup_remove(run->cgroup_dir, 2000) : 0;
	int limits = cgroup_remove_all(run->limit_places, 2000);
	int scratch = run->scratch_dir ? runtime_remove_scratch(run->scratch_dir) : 0;

	if (!run->dir || cgroup || limits || scratch)
		return; /* the next berth command finds the rest by what stands in that directory */
	db_programs_remove_socket_dirs(run->dir);
	(void)dir_remove(run->dir);
}

static void free_worker(struct run_worker *worker)
{
	for (unsigned int i = 0; i < worker->leftover_count; i++)
		free(worker->leftovers[i].command);
	free(worker->leftovers);
	free(worker->error);
	free(worker->map_path);
	free(worker->tmp_dir);
	free(worker->log_path);
	ports_map_close(worker->map);
	ports_block_release(&worker->block);
	if (worker->cgroup >= 0)
		close(worker->cgroup);
	limits_close(&worker->limits);
}

void run_close(struct run *run)
{
	const int fds[] = { run->cgroup,        run->signals,    run->alive,
		            run->guard_channel, run->inits_lock, run->lock };

	isolate_close(run->isolate);
	for (unsigned int i = 0; i < run->made; i++)
		free_worker(&run->workers[i]);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (unsigned int i = 0; i < run->finding_count; i++) {
		free(run->findings[i].text);
		free(run->findings[i].workers);
	}
	tree_close(run->tree);
	ports_close(run->ports);
	loop_close(run->loop);
	free(run->findings);
	free(run->workers);
	free(run->id);
	free(run->dir);
	free(run->project_dir);
	free(run->results_dir);
	free(run->log_dir);
	free(run->scratch_dir);
	free(run->cwd);
	free(run->install_dir);
	free(run->cgroup_dir);
	strv_free(run->limit_places);
	free(run->isolate_reason);
	free(run->tree_reason);
	free(run);
}
