/* SPDX-License-Identifier: MIT */
/*
 * The loop of a run: it starts workers from the queue and answers the events of the modules.
 *
 * A signal that asks the run to end is passed on once, with grace; a second one ends the run at
 * once. A single worker shares our terminal and process group: a ^C reaches the command before it
 * reaches us, and the kernel is its sender. Then we only wait for what the command makes of it,
 * however often it comes. All other signals belong to the command: SIGUSR1, SIGUSR2, and SIGQUIT,
 * on which runtimes (Java, Go) print where they are.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/log.h"
#include "tools/process/confine.h"
#include "tools/run/run.h"
#include "tools/run/worker/progress.h"

enum { TICK_MS = 200 };

static struct run_worker *worker_of(const struct run *run, unsigned int number)
{
	return run->workers[number - 1];
}

void run_save_state(struct run *run)
{
	/* one more: a shard may have no task, and an environment's ports are the first worker's */
	struct state_worker *workers = mem_alloc((run->count + 1) * sizeof(*workers));
	struct run_state state = context_state(&run->context);
	cleanup_strv char **database_ports = plan_database_ports(run->context.options, environ);

	state.database_ports = database_ports;
	state.cgroup_dir = run->cgroup_dir;
	state.limit_dirs = run->limit_places;
	state.backend = (char *)(uintptr_t)isolate_backend_names[isolate_backend(run->isolate)];
	state.tree = (char *)(uintptr_t)tree_kind_names[tree_kind(run->tree)];
	state.workers = workers;
	state.worker_count = run->count;
	for (unsigned int i = 0; i < run->count; i++) {
		const struct worker_spec *spec = &run->specs[i];
		const struct worker_result *result = worker_result(run->workers[i]);

		workers[i] = (struct state_worker){
			.number = spec->number,
			.task = (char *)(uintptr_t)spec->task,
			.pid = result->pid,
			.init = result->init,
			.block_base = spec->block.base,
			.block_len = spec->block.len,
			.map_path = spec->map_path,
			.status = result->status,
			.exit_status = result->exit_status,
		};
	}
	if (run->context.options->name)
		workers->port_count = allocate_pairs(run->allocate, &workers->ports);
	(void)state_save(&state); /* a run that other commands cannot see still works */
	run->state_dirty = false;
	free(workers->ports);
	free(workers);
}

/* ---- the start of a worker ---- */

static void start_worker(struct run *run, struct run_worker *worker)
{
	char *error = NULL;

	worker_begin(worker);
	if (!run->database)
		worker_launch(worker);
	else if (database_prepare(run->database, worker_spec(worker), &error))
		worker_fail(worker, error);
}

/* If the setup failed: why, as far as it is known. Return: NULL if it did not. */
static char *explain_setup(const struct run *run)
{
	const struct worker_result *setup = run->made > run->count
	                                            ? worker_result(worker_of(run, run->made))
	                                            : NULL;
	const char *log = setup ? output_log_path(run->output, run->made) : NULL;

	if (!setup || setup->status != STATE_FAILED)
		return NULL;
	if (setup->error) /* the command did not run */
		return str_copy(setup->error);
	if (!log)
		return NULL;
	return str_print("the setup command failed: exit status %d (%s)", setup->exit_status, log);
}

/* Its databases are ready, or never will be, or the worker was asked to end while it waited. */
void supervisor_on_ready(void *arg, unsigned int number, char *error)
{
	struct run *run = arg;
	struct run_worker *worker = worker_of(run, number);
	bool asked_to_end = worker_result(worker)->end != END_ITSELF;
	char *better = error && !asked_to_end ? explain_setup(run) : NULL;

	if (!error && !asked_to_end) {
		worker_launch(worker);
		return;
	}
	if (asked_to_end || better) {
		free(error);
		error = better;
	}
	worker_fail(worker, error);
}

int supervisor_run_setup(void *arg)
{
	struct run *run = arg;

	if (queue_is_stopped(run->queue))
		return -ECANCELED;
	start_worker(run, worker_of(run, run->made));
	return 0;
}

static void start_some(struct run *run)
{
	unsigned int index;

	while (queue_next(run->queue, &index))
		start_worker(run, run->workers[index]);
	if (queue_take_shortage(run->queue))
		log_line("tasks wait for each other: the database server has %u connections left, "
		         "and they need more together",
		         run->connections);
}

/* ---- events of the modules ---- */

static void drain_notes(struct run *run, const struct run_worker *worker)
{
	const struct worker_spec *spec = worker_spec(worker);
	const struct notes_worker of = { spec->number, spec->name, spec->map,
		                         worker_result(worker)->init, spec->block.len };

	notes_drain(run->notes, &of);
	if (notes_take_learned(run->notes)) {
		allocate_touch(run->allocate);
		run->state_dirty |= run->context.options->name != NULL;
	}
}

static void on_starting(void *arg, struct run_worker *worker)
{
	const struct worker_spec *spec = worker_spec(worker);
	struct run *run = arg;

	if (!spec->is_setup)
		monitor_worker_begin(run->monitor, spec,
		                     output_log_path(run->output, spec->number));
}

static void on_started(void *arg, struct run_worker *worker)
{
	const struct worker_spec *spec = worker_spec(worker);
	struct run *run = arg;

	if (spec->is_setup)
		return;
	monitor_worker_started(run->monitor, spec->number, worker_result(worker)->pid);
	inject_worker_started(run->inject, spec->number, spec->map);
}

static void on_judged(void *arg, unsigned int number)
{
	(void)number;
	worker_leftovers_judged(arg);
}

static void on_exited(void *arg, struct run_worker *worker)
{
	const struct worker_spec *spec = worker_spec(worker);
	struct run *run = arg;

	inject_worker_exited(run->inject, spec->number);
	if (spec->is_setup)
		worker_leftovers_judged(worker);
	else
		monitor_worker_exited(run->monitor, worker_result(worker), spec->number, on_judged,
		                      worker);
}

static void on_gone(void *arg, struct run_worker *worker)
{
	const struct worker_spec *spec = worker_spec(worker);
	struct run *run = arg;

	inject_worker_exited(run->inject, spec->number);
	drain_notes(run, worker);
	if (!spec->is_setup)
		monitor_worker_gone(run->monitor, spec->number);
}

static void end_all(struct run *run, enum worker_end why, int number)
{
	queue_stop(run->queue);
	for (unsigned int i = 0; i < run->made; i++) {
		worker_end(run->workers[i], why, number);
		if (!worker_is_live(run->workers[i]))
			database_give_up(run->database, i + 1);
	}
}

static void on_over(void *arg, struct run_worker *worker)
{
	const struct worker_spec *spec = worker_spec(worker);
	const struct worker_result *result = worker_result(worker);
	bool failed = result->status == STATE_FAILED;
	struct run *run = arg;

	if (!spec->is_setup)
		monitor_worker_over(run->monitor, spec->number, result);
	database_worker_over(run->database, spec->number, failed);
	if (spec->is_setup)
		return;
	queue_worker_over(run->queue, spec->number - 1, failed);
	allocate_touch(run->allocate);
	output_worker_over(run->output, spec->number, failed,
	                   result->ended_ms - result->started_ms);
	if (failed && run->context.options->fail_fast && !queue_is_stopped(run->queue))
		end_all(run, END_FAIL_FAST, SIGTERM);
}

static void on_exec_event(void *arg, const struct worker_init_message *message)
{
	exec_event(((struct run *)arg)->execs, message);
}

static void on_changed(void *arg)
{
	((struct run *)arg)->state_dirty = true;
}

static void add_environ(void *arg, const struct run_worker *worker, char ***envp)
{
	struct run *run = arg;

	if (!worker_spec(worker)->is_setup)
		monitor_environ(run->monitor, envp);
	database_environ(run->database, envp);
}

/*
 * Each worker init closes the supervisor's descriptors, so that they close when the supervisor
 * dies.
 */
static void close_descriptors(void *arg, const struct run_worker *own)
{
	struct run *run = arg;

	loop_close(run->loop);
	close(signals_fd(run->signals));
	close(run->context.lock);
	if (run->context.options->name)
		close(run->context.options->environment_lock);
	guard_close_channel(run->guard);
	output_close_descriptors(run->output);
	for (unsigned int i = 0; i < run->made; i++) {
		worker_close_channel(run->workers[i]);
		if (run->workers[i] != own)
			ports_block_release(&run->specs[i].block);
	}
}

bool supervisor_needs_process(void *arg, pid_t pid)
{
	const struct run *run = arg;

	for (unsigned int i = 0; run->workers && i < run->made; i++)
		if (worker_result(run->workers[i])->init == pid)
			return true;
	return pid == guard_pid(run->guard) || pid == getpid();
}

struct worker_owner supervisor_owner(struct run *run)
{
	return (struct worker_owner){ .starting = on_starting,
		                      .started = on_started,
		                      .exited = on_exited,
		                      .gone = on_gone,
		                      .over = on_over,
		                      .changed = on_changed,
		                      .exec_event = on_exec_event,
		                      .add_environ = add_environ,
		                      .close_descriptors = close_descriptors,
		                      .needs_process = supervisor_needs_process,
		                      .arg = run };
}

int supervisor_exec(void *arg, unsigned int number, uint32_t id, const int fds[INIT_FDS])
{
	const struct run *run = arg;

	if (!number || number > run->count)
		return -EINVAL;
	return worker_exec(worker_of(run, number), id, fds);
}

void supervisor_exec_signal(void *arg, unsigned int number, uint32_t id, int signal)
{
	worker_exec_signal(worker_of(arg, number), id, signal);
}

void supervisor_server_environ(void *arg, unsigned int number, char ***envp)
{
	const struct run *run = arg;

	isolate_server_environ(run->isolate, run->specs[number - 1].map_path, envp);
}

/* The databases are opened before the monitor, so this may come too early for it. */
void supervisor_on_database(void *arg, const struct db_record *event)
{
	struct run *run = arg;

	if (run->monitor)
		monitor_database(run->monitor, event,
		                 event->worker ? worker_result(worker_of(run, event->worker))
		                               : NULL);
}

/* ---- signals ---- */

static void on_end_signal(struct run *run, const struct run_signal *signal)
{
	/* SIGHUP is no such case: only the session's leader, which may be us, gets it */
	if (run->context.plan->single && signal->number == SIGINT && signal->from_terminal &&
	    !worker_result(run->workers[0])->exited)
		return;
	run->signal_count++;
	if (!run->first_signal)
		run->first_signal = signal->number;
	if (run->signal_count == 1) {
		end_all(run, END_SIGNAL, signal->number);
		return;
	}
	console_discard(output_console(run->output));
	queue_stop(run->queue);
	for (unsigned int i = 0; i < run->made; i++)
		worker_kill(run->workers[i]);
}

static void signal_all(struct run *run, int number)
{
	for (unsigned int i = 0; i < run->made; i++)
		worker_signal(run->workers[i], number);
}

/* ^Z with several workers: they are not in the foreground process group, so we pass it on. */
static void stop_and_continue(struct run *run)
{
	signal_all(run, SIGSTOP);
	progress_clear();
	raise(SIGSTOP);
	signal_all(run, SIGCONT);
}

static void on_signal(void *arg, int fd, uint32_t events)
{
	struct run *run = arg;
	struct run_signal signal;

	(void)fd;
	(void)events;
	while (signals_next(run->signals, &signal)) {
		if (signal.meaning == SIGNAL_END)
			on_end_signal(run, &signal);
		else if (signal.meaning == SIGNAL_STOP)
			stop_and_continue(run);
		else if (!run->context.plan->single || !signal.from_terminal)
			signal_all(run, signal.number);
	}
}

/* ---- the loop ---- */

static void on_tick(void *arg)
{
	struct run *run = arg;
	struct queue_totals totals = queue_totals(run->queue);
	const struct progress progress = { totals.count, totals.over, totals.running, totals.failed,
		                           run->context.started_ms };

	for (unsigned int i = 0; i < run->made; i++)
		if (worker_is_live(run->workers[i]))
			drain_notes(run, run->workers[i]);
	allocate_update(run->allocate);
	for (unsigned int i = 0; i < run->count; i++)
		if (worker_result(run->workers[i])->status == STATE_RUNNING)
			monitor_limits(run->monitor, i + 1);
	if (!run->context.plan->single)
		progress_show(&progress);
	run->tick = loop_after(run->loop, TICK_MS, on_tick, run);
}

/* True if every worker's command has been started, or never will be. */
static bool all_launched(const struct run *run)
{
	for (unsigned int i = 0; i < run->count; i++)
		if (worker_result(run->workers[i])->status == STATE_RUNNING &&
		    !worker_is_live(run->workers[i]))
			return false;
	return queue_is_empty(run->queue);
}

/* The commands have all rights that we were given, so this waits for the start of the last one. */
static void confine_supervisor(struct run *run)
{
	const struct run_options *options = run->context.options;
	bool bpf = isolate_backend(run->isolate) == ISOLATE_BPF || monitor_uses_bpf(run->monitor);
	bool commands, servers = database_has_servers(run->database, &commands);
	int ret;

	run->confined = true;
	/* the user's own programs may need any right */
	if (commands || options->hook)
		return;
	ret = confine(CONFINE_SUPERVISOR, (bpf ? CONFINE_FOR_BPF : 0) |
	                                          (servers ? CONFINE_FOR_SERVERS : 0) |
	                                          (options->faults.count ? CONFINE_FOR_FAULTS : 0));
	log_act("give up what the rest of the run does not need%s%s", ret ? ": " : "",
	        ret ? strerror(-ret) : "");
}

static bool is_over(const struct run *run)
{
	struct queue_totals totals = queue_totals(run->queue);

	return !totals.running && queue_is_empty(run->queue) &&
	       console_is_done(output_console(run->output));
}

int run_supervise(struct run *run)
{
	int ret = loop_add(run->loop, signals_fd(run->signals), EPOLLIN, on_signal, run);

	if (ret)
		return ret;
	run->tick = loop_after(run->loop, TICK_MS, on_tick, run);
	for (start_some(run); !ret && !is_over(run); start_some(run)) {
		if (!run->confined && all_launched(run))
			confine_supervisor(run);
		ret = loop_step(run->loop, -1);
		if (run->state_dirty)
			run_save_state(run);
	}
	loop_cancel(run->loop, run->tick);
	run->tick = NULL;
	progress_clear();
	loop_remove(run->loop, signals_fd(run->signals));
	return ret;
}
