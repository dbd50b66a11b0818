/* SPDX-License-Identifier: MIT */
/*
 * Everything that exists before the first worker, in the order in which it is made.
 * run_remove_traces() undoes it in the file system: in the supervisor or, if that was killed, in
 * the cleanup guard.
 *
 * As root, other users can enter the directory of run-time files and write the port maps, because a
 * suite may change its user (PostgreSQL refuses to run as root). Then a random name of 128 bits
 * protects a map.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/db/engine/programs.h"
#include "tools/limits/cgroup.h"
#include "tools/run/run.h"
#include "tools/run/worker/progress.h"
#include "tools/state/reap.h"
#include "tools/state/results.h"
#include "tools/state/runtime.h"

/* A large run needs hundreds of descriptors; the suite gets the old limit back. */
static void raise_limits(struct worker_init_inherit *inherit)
{
	struct rlimit more;

	getrlimit(RLIMIT_NOFILE, &inherit->files);
	more = inherit->files;
	more.rlim_cur = more.rlim_max > 65536 ? 65536 : more.rlim_max;
	if (more.rlim_cur > inherit->files.rlim_cur)
		setrlimit(RLIMIT_NOFILE, &more);
}

static void make_spec(const struct run *run, unsigned int index, struct worker_spec *ret_spec)
{
	const struct plan *plan = run->context.plan;
	bool is_setup = index == run->count;

	*ret_spec = (struct worker_spec){
		.number = index + 1,
		.is_setup = is_setup,
		.single = plan->single && !is_setup,
		.task = is_setup ? "setup" : plan->workers[index].task,
		.argv = is_setup ? database_setup_argv(run->database) : plan->workers[index].argv,
		.cgroup = -1,
		.limits = LIMITS_NONE,
	};
	ret_spec->name = is_setup || plan->named ? str_copy(ret_spec->task)
	                                         : str_print("w%u", ret_spec->number);
}

static void make_workers(struct run *run)
{
	struct allocate_setup allocate;

	run->specs = mem_alloc(run->made * sizeof(*run->specs));
	run->workers = mem_alloc(run->made * sizeof(struct run_worker *));
	for (unsigned int i = 0; i < run->made; i++) {
		make_spec(run, i, &run->specs[i]);
		run->workers[i] = worker_new(&run->specs[i], &run->worker_setup);
	}
	allocate = (struct allocate_setup){ &run->context, run->specs, run->workers, run->made };
	run->allocate = allocate_open(&allocate);
}

static int open_ports(struct run *run, char **ret_error)
{
	const struct run_options *options = run->context.options;
	const struct ports_setup setup = {
		.range_first = options->range_first,
		.range_last = options->range_last,
		.block_len = options->block_len,
		.workers = run->made,
		.project = run->context.project_dir,
	};
	int ret = ports_open(&setup, &run->ports, ret_error);

	for (unsigned int i = 0; i < run->made && !ret; i++) {
		const struct state_worker *before = i ? NULL : run->context.before.workers;

		if (!before ||
		    ports_claim_again(run->ports, before->block_base, before->block_len,
		                      before->ports, before->port_count, &run->specs[i].block))
			ret = ports_claim(run->ports, run->specs[i].task, &run->specs[i].block,
			                  ret_error);
	}
	return ret;
}

static int open_maps(struct run *run, char **ret_error)
{
	const struct run_context *context = &run->context;

	for (unsigned int i = 0; i < run->made; i++) {
		struct worker_spec *spec = &run->specs[i];
		cleanup_free char *name = str_print("w%u", spec->number);
		int ret = file_secret_path(context->dir, name, ".map", &spec->map_path);

		if (ret)
			return context_fail(ret_error, ret, "name the port map in", context->dir);
		ret = ports_map_create(run->ports, spec->map_path, geteuid() ? 0600 : 0666,
		                       spec->number, &spec->block, &spec->map);
		if (ret)
			return context_fail(ret_error, ret, "make the port map", spec->map_path);
		spec->map->flags = context->options->strict ? BERTH_MAP_STRICT : 0;
		for (const uint16_t *port = context->plan->share; *port; port++)
			berth_portmap_share(spec->map, *port);
	}
	return allocate_declare(run->allocate, ret_error);
}

/* Without cgroups or limits the run goes on. */
static int open_cgroups(struct run *run, char **ret_error)
{
	const struct run_options *options = run->context.options;
	const struct limit_amounts limits = { { [LIMIT_MEMORY] = options->mem_bytes,
		                                [LIMIT_PIDS] = options->pids,
		                                [LIMIT_CPU] = (uint64_t)(options->cpu_cores *
		                                                         1000) } };

	(void)ret_error;
	run->cgroup = cgroup_make(run->context.id, &run->cgroup_dir);
	for (unsigned int i = 0; i < run->made; i++) {
		struct worker_spec *spec = &run->specs[i];
		int dir = run->cgroup < 0 ? -1 : cgroup_make_worker(run->cgroup_dir, spec->number);

		spec->cgroup = dir < 0 ? -1 : dir;
		run->limits_unset |= limits_set(run->context.id, spec->number, spec->cgroup,
		                                &limits, &spec->limits, &run->limit_places) != 0;
	}
	return 0;
}

static int open_isolate(struct run *run, char **ret_error)
{
	const struct run_options *options = run->context.options;
	const struct isolate_setup setup = {
		.requested = options->backend,
		.install_dir = run->context.install_dir,
		.run_dir = run->context.dir,
		.cgroup = run->cgroup,
		.workers = run->made,
		.loop = run->loop,
		.datagrams = !options->tcp_only,
	};
	cleanup_free char *reason = NULL;
	int ret = isolate_open(&setup, &run->isolate, &reason);

	if (ret)
		*ret_error = str_print(
			"backend '%s' cannot work here: %s\nhint: --backend auto takes what works",
			isolate_backend_names[options->backend], reason ? reason : strerror(-ret));
	return ret;
}

static int open_tree(struct run *run, char **ret_error)
{
	const struct run_context *context = &run->context;
	cleanup_strv char **hidden = results_hidden(context->project_dir, context->results_dir);
	const struct tree_setup setup = {
		.requested = context->options->tree,
		.processes = context->plan->private_processes,
		.workers = run->count,
		.project_dir = context->project_dir,
		.cwd = context->cwd,
		.scratch_dir = context->scratch_dir,
		.run_dir = context->dir,
		.install_dir = context->install_dir,
		.hidden = hidden,
		.shared = context->options->share_paths,
		.home = context->options->home,
	};
	int ret = tree_open(&setup, &run->tree, &run->tree_reason);

	if (ret)
		*ret_error = str_print(
			"tree '%s' cannot be had here: %s\nhint: --tree shared does without",
			tree_kind_names[context->options->tree],
			run->tree_reason ? run->tree_reason : strerror(-ret));
	if (!ret && context->options->processes == RUN_PROCESSES_PRIVATE &&
	    tree_processes_reason(run->tree)) {
		*ret_error = str_print("processes 'private' cannot be had here: %s\n"
		                       "hint: --processes shared does without",
		                       tree_processes_reason(run->tree));
		ret = -EPERM;
	}
	return ret;
}

static int open_tmp(struct run *run, char **ret_error)
{
	if (tree_kind(run->tree) == TREE_OVERLAY) /* each worker has its own /tmp */
		return 0;
	for (unsigned int i = 0; i < run->made; i++) {
		struct worker_spec *spec = &run->specs[i];

		spec->tmp_dir = str_print("%s/w%u-tmp", run->context.scratch_dir, spec->number);
		if (mkdir(spec->tmp_dir, 0700) && errno != EEXIST)
			return context_fail(ret_error, -errno, "make the directory", spec->tmp_dir);
		if (!geteuid())
			chmod(spec->tmp_dir, 01777);
	}
	return 0;
}

static int open_database(struct run *run, char **ret_error)
{
	const struct database_setup setup = {
		.loop = run->loop,
		.context = &run->context,
		.workers = run->count,
		.run_setup = supervisor_run_setup,
		.server_environ = supervisor_server_environ,
		.record = supervisor_on_database,
		.ready = supervisor_on_ready,
		.arg = run,
	};

	return run->database ? database_open(run->database, &setup, &run->connections, ret_error)
	                     : 0;
}

/* ---- the modules of the supervisor ---- */

static void open_output(struct run *run)
{
	const struct run_options *options = run->context.options;
	struct output_setup setup = {
		.loop = run->loop,
		.mode = options->output,
		.color = options->color,
		.log_dir = run->context.log_dir,
		.workers = run->made,
	};

	for (unsigned int i = 0; i < run->count; i++)
		if (strlen(run->specs[i].name) > setup.name_width)
			setup.name_width = (unsigned int)strlen(run->specs[i].name);
	progress_open();
	run->output = output_open(&setup);
}

static void open_monitor(struct run *run)
{
	const struct run_monitor_setup setup = {
		.loop = run->loop,
		.context = &run->context,
		.cgroup = run->cgroup,
		.backend = isolate_backend_names[isolate_backend(run->isolate)],
		.tree = tree_kind_names[tree_kind(run->tree)],
		.specs = run->specs,
		.spec_count = run->made,
	};

	run->monitor = monitor_start(&setup);
}

static int open_modules(struct run *run, char **ret_error)
{
	const struct run_options *options = run->context.options;

	(void)ret_error;
	run->queue = queue_open(&(struct queue_setup){
		.plan = run->context.plan,
		.connections = run->connections,
		.task_connections = options->task_pools,
		.largest = options->pool_seen,
	});
	open_output(run);
	open_monitor(run);
	run->notes = notes_open(&(struct notes_setup){
		.workers = run->made,
		.private_processes = tree_namespaces(run->tree)->processes,
		.hides_foreign = options->foreign == RUN_GATE_OFF,
		.suggests_database = !run->database,
		.on_conflict = monitor_conflict,
		.arg = run->monitor,
	});
	run->inject = inject_open(&(struct inject_setup){
		.loop = run->loop,
		.faults = &options->faults,
		.workers = run->made,
		.needs_process = supervisor_needs_process,
		.arg = run,
		.on_fault = record_fault,
		.fault_arg = monitor_record(run->monitor),
	});
	/* without it the run goes on */
	(void)exec_open(&(struct exec_setup){ .loop = run->loop,
	                                      .run_dir = run->context.dir,
	                                      .start = supervisor_exec,
	                                      .signal = supervisor_exec_signal,
	                                      .arg = run },
	                &run->execs);
	run->worker_setup = (struct worker_setup){
		.loop = run->loop,
		.isolate = run->isolate,
		.tree = run->tree,
		.output = run->output,
		.run_id = run->context.id,
		.cwd = run->context.cwd,
		.workers = run->count,
		.timeout_ms = options->timeout_ms,
		.grace_ms = run->context.plan->grace_ms,
		.judges_leftovers = monitor_watch(run->monitor),
		.inherit = run->worker_setup.inherit,
		.owner = supervisor_owner(run),
	};
	run_save_state(run);
	allocate_write(run->allocate);
	return 0;
}

/* ---- the cleanup guard ---- */

/* In the guard: the supervisor and the worker inits are dead. */
static void clean_up(void *arg)
{
	struct run *run = arg;

	reap_processes(run->context.id, run->context.dir);
	allocate_end(run->allocate, NULL);
	run_remove_traces(run);
}

static int start_guard(struct run *run, char **ret_error)
{
	cleanup_free int *keep = NULL;
	size_t count = 0;
	int ret;

	for (unsigned int i = 0; i < run->made; i++)
		count += run->specs[i].block.lease_count;
	keep = mem_alloc((count + 2) * sizeof(*keep));
	count = 0;
	keep[count++] = run->context.lock;
	if (run->context.options->name)
		keep[count++] = run->context.options->environment_lock;
	for (unsigned int i = 0; i < run->made; i++)
		for (unsigned int k = 0; k < run->specs[i].block.lease_count; k++)
			keep[count++] = run->specs[i].block.leases[k];
	ret = guard_start(&(struct guard_setup){ keep, count, clean_up, run }, &run->guard);
	return ret ? context_fail(ret_error, ret, "start the cleanup guard", NULL) : 0;
}

/* ---- all of it ---- */

static int (*const steps[])(struct run *run, char **ret_error) = {
	open_ports, open_maps,     open_cgroups, open_isolate, open_tree,
	open_tmp,   open_database, open_modules, start_guard,
};

int run_open(struct run *run, const struct run_options *options, struct plan *plan,
             char **ret_error)
{
	int ret;

	run->cgroup = -1;
	run->database = database_new(options);
	run->count = plan->count;
	run->made = run->count + (database_setup_argv(run->database) != NULL);
	raise_limits(&run->worker_setup.inherit);
	ret = signals_open(plan->single, &run->worker_setup.inherit, &run->signals);
	if (!ret)
		ret = loop_open(&run->loop);
	if (ret)
		return context_fail(ret_error, ret, "set up signals", NULL);
	ret = context_open(&run->context, options, plan, ret_error);
	if (!ret)
		make_workers(run);
	for (size_t i = 0; i < ARRAY_LEN(steps) && !ret; i++)
		ret = steps[i](run, ret_error);
	return ret;
}

void run_remove_traces(const struct run *run)
{
	const struct run_context *context = &run->context;
	int cgroup = run->cgroup_dir ? cgroup_remove(run->cgroup_dir, 2000) : 0;
	int limits = cgroup_remove_all(run->limit_places, 2000);
	int scratch = context->scratch_dir ? runtime_remove_scratch(context->scratch_dir) : 0;

	/* if something is left, the next command finds it by the files in that directory */
	if (!context->dir || cgroup || limits || scratch)
		return;
	db_programs_remove_socket_dirs(context->dir);
	(void)dir_remove(context->dir);
}

static void free_spec(struct worker_spec *spec)
{
	free(spec->name);
	free(spec->map_path);
	free(spec->tmp_dir);
	ports_map_close(spec->map);
	ports_block_release(&spec->block);
	if (spec->cgroup >= 0)
		close(spec->cgroup);
	limits_close(&spec->limits);
}

void run_close(struct run *run)
{
	exec_close(run->execs);
	isolate_close(run->isolate);
	output_close(run->output);
	inject_close(run->inject);
	notes_close(run->notes);
	queue_close(run->queue);
	allocate_close(run->allocate);
	for (unsigned int i = 0; run->workers && i < run->made; i++) {
		worker_free(run->workers[i]);
		free_spec(&run->specs[i]);
	}
	free(run->workers);
	free(run->specs);
	tree_close(run->tree);
	ports_close(run->ports);
	loop_close(run->loop);
	signals_close(run->signals);
	if (run->cgroup >= 0)
		close(run->cgroup);
	context_close(&run->context);
	free(run->cgroup_dir);
	strv_free(run->limit_places);
	free(run->tree_reason);
}
