/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor:
 *
 *	WAITING -> RUNNING -> ENDING -> PASSED or FAILED
 *
 * RUNNING ends when the command does. The worker is over when its worker init has ended: only then
 * no process of it is left that could write or listen. Everything between is done by init.c.
 */
#include "tools/run/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/proc.h"
#include "tools/run/worker/orphans.h"

enum { EXIT_TIMEOUT = 124, EXIT_INTERNAL = 125, EXIT_CANNOT_EXEC = 126, EXIT_NOT_FOUND = 127 };
enum { INIT_ENDS_MAX_MS = 5000 };

struct run_worker {
	const struct worker_spec *spec;
	const struct worker_setup *setup;
	struct worker_result result;
	int channel;  /* to its worker init; -1 before and after */
	int init_end; /* pidfd of the worker init, once the channel is at its end; -1 */
	struct loop_timer *timeout, *init_late;
};

struct run_worker *worker_new(const struct worker_spec *spec, const struct worker_setup *setup)
{
	struct run_worker *worker = mem_alloc(sizeof(*worker));

	*worker = (struct run_worker){
		.spec = spec, .setup = setup, .channel = -1, .init_end = -1
	};
	return worker;
}

void worker_free(struct run_worker *worker)
{
	if (!worker)
		return;
	for (unsigned int i = 0; i < worker->result.leftover_count; i++)
		free(worker->result.leftovers[i].command);
	free(worker->result.leftovers);
	free(worker->result.error);
	free(worker);
}

const struct worker_spec *worker_spec(const struct run_worker *worker)
{
	return worker->spec;
}

const struct worker_result *worker_result(const struct run_worker *worker)
{
	return &worker->result;
}

bool worker_is_live(const struct run_worker *worker)
{
	return worker->channel >= 0;
}

static void tell(struct run_worker *worker, void (*fn)(void *arg, struct run_worker *worker))
{
	fn(worker->setup->owner.arg, worker);
}

static void set_status(struct run_worker *worker, enum state_status status)
{
	worker->result.status = status;
	worker->setup->owner.changed(worker->setup->owner.arg);
}

/* ---- the end ---- */

static void finish(struct run_worker *worker)
{
	struct worker_result *result = &worker->result;

	result->ended_ms = clock_ms();
	if (result->end == END_TIMEOUT)
		result->exit_status = EXIT_TIMEOUT;
	else if (!result->exited && !result->exit_status)
		result->exit_status = EXIT_INTERNAL;
	set_status(worker, result->exit_status ? STATE_FAILED : STATE_PASSED);
	tell(worker, worker->setup->owner.over);
}

static void stop_timeout(struct run_worker *worker)
{
	loop_cancel(worker->setup->loop, worker->timeout);
	worker->timeout = NULL;
}

static void on_init_gone(struct run_worker *worker)
{
	const struct worker_setup *setup = worker->setup;
	const struct worker_spec *spec = worker->spec;
	struct worker_result *result = &worker->result;
	int status = 0;

	close(steal_fd(&worker->channel));
	if (waitpid(result->init, &status, WNOHANG) != result->init || !WIFEXITED(status)) {
		/* it was killed, so processes of the worker may be left */
		if (spec->cgroup >= 0)
			(void)file_put_at(spec->cgroup, "cgroup.kill", "1");
		orphans_kill(setup->run_id, spec->number, setup->owner.needs_process,
		             setup->owner.arg);
	}
	result->init = 0;
	stop_timeout(worker);
	if (!spec->single)
		output_worker_close(setup->output, spec->number);
	tell(worker, setup->owner.gone);
	isolate_worker_end(setup->isolate, spec->number);
	if (!result->exited && !result->error && result->end == END_ITSELF)
		result->error = str_print("the init process of w%u died", spec->number);
	finish(worker);
}

static void on_init_late(void *arg)
{
	struct run_worker *worker = arg;

	worker->init_late = NULL;
	loop_remove(worker->setup->loop, worker->init_end);
	close(steal_fd(&worker->init_end));
	on_init_gone(worker);
}

static void on_init_ended(void *arg, int fd, uint32_t events)
{
	struct run_worker *worker = arg;

	(void)fd;
	(void)events;
	loop_cancel(worker->setup->loop, worker->init_late);
	on_init_late(worker);
}

/*
 * The worker init has closed its descriptors. The end of a PID namespace takes until its last
 * process has ended, and a tracer outside can keep one of them.
 */
static void on_init_closed(struct run_worker *worker)
{
	const struct worker_setup *setup = worker->setup;

	loop_remove(setup->loop, worker->channel);
	worker->init_end = (int)syscall(SYS_pidfd_open, worker->result.init, 0);
	worker->init_late = loop_after(setup->loop, INIT_ENDS_MAX_MS, on_init_late, worker);
	if (worker->init_end < 0 ||
	    loop_add(setup->loop, worker->init_end, EPOLLIN, on_init_ended, worker))
		on_init_ended(worker, -1, 0);
}

/* ---- messages of its worker init ---- */

static void on_failed(struct run_worker *worker, const struct worker_init_message *message)
{
	struct worker_result *result = &worker->result;

	result->exited = true;
	result->pid = 0;
	result->exit_status = EXIT_INTERNAL;
	free(result->error);
	result->error = NULL;
	if (result->end != END_ITSELF)
		return; /* the summary says why it was asked to end */
	if (strcmp(message->text, "exec")) {
		result->error = str_print("unable to start worker %u: %s: %s", worker->spec->number,
		                          message->text, strerror(message->number));
		return;
	}
	result->error = str_print("unable to start '%s': %s", worker->spec->argv[0],
	                          strerror(message->number));
	result->exit_status = message->number == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
}

static void on_exited(struct run_worker *worker, const struct worker_init_message *message)
{
	struct worker_result *result = &worker->result;
	int status = message->number;

	result->exited = true;
	result->wait_status = status;
	result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	set_status(worker, STATE_ENDING);
	stop_timeout(worker);
	tell(worker, worker->setup->owner.exited);
}

static void on_leftover(struct run_worker *worker, const struct worker_init_message *message)
{
	struct worker_result *result = &worker->result;

	result->leftovers = mem_grow(result->leftovers, result->leftover_count + 1,
	                             sizeof(*result->leftovers));
	result->leftovers[result->leftover_count++] = (struct worker_leftover){
		message->pid, str_copy(message->text), message->kind == INIT_SURVIVED
	};
}

static void on_message(struct run_worker *worker, const struct worker_init_message *message)
{
	if (message->id) {
		worker->setup->owner.exec_event(worker->setup->owner.arg, message);
		return;
	}
	switch (message->kind) {
	case INIT_STARTED:
		worker->result.pid = message->pid;
		set_status(worker, worker->result.status);
		(void)isolate_worker_started(worker->setup->isolate, worker->spec->number,
		                             message->pid);
		tell(worker, worker->setup->owner.started);
		break;
	case INIT_FAILED: on_failed(worker, message); break;
	case INIT_EXITED: on_exited(worker, message); break;
	case INIT_STOPPED:
		/*
		 * It stopped itself: stop as well, or the shell would wait for us without end. A ^Z
		 * has stopped us, too, and both may have been continued since: then the news is
		 * old.
		 */
		if (proc_is_stopped(message->pid))
			raise(SIGSTOP);
		break;
	default: on_leftover(worker, message);
	}
}

static void on_channel(void *arg, int fd, uint32_t events)
{
	struct run_worker *worker = arg;
	struct worker_init_message message;
	int ret;

	(void)events;
	do {
		ret = worker_init_receive(fd, &message, NULL);
		if (ret == 1)
			on_message(worker, &message);
	} while (ret == 1);
	if (ret != -EAGAIN && ret != -EINTR)
		on_init_closed(worker);
}

static void on_timeout(void *arg)
{
	struct run_worker *worker = arg;

	worker->timeout = NULL;
	worker_end(worker, END_TIMEOUT, SIGTERM);
}

/* ---- the start ---- */

static char **make_environ(const struct run_worker *worker)
{
	const struct worker_spec *spec = worker->spec;
	const struct worker_setup *setup = worker->setup;
	cleanup_free char *number = str_print("%u", spec->number),
			  *count = str_print("%u", setup->workers);
	char **envp = strv_copy(environ);

	isolate_worker_environ(setup->isolate, spec->number, &envp);
	environ_set(&envp, "BERTH_RUN", setup->run_id);
	environ_set(&envp, "BERTH_WORKER", number);
	environ_set(&envp, "BERTH_WORKERS", count);
	environ_set(&envp, "BERTH_TASK", spec->task);
	setup->owner.add_environ(setup->owner.arg, worker, &envp);
	if (spec->tmp_dir)
		environ_set(&envp, "TMPDIR", spec->tmp_dir);
	else if (environ_get(envp, "TMPDIR"))
		environ_set(&envp, "TMPDIR", "/tmp"); /* private; the given one is shared */
	if (!spec->single && output_is_colored(setup->output) && !environ_get(envp, "NO_COLOR") &&
	    !environ_get(envp, "FORCE_COLOR"))
		environ_set(&envp, "FORCE_COLOR", "1");
	return envp;
}

static void close_descriptors(void *arg)
{
	const struct run_worker *worker = arg;

	worker->setup->owner.close_descriptors(worker->setup->owner.arg, worker);
}

static int start_init(struct run_worker *worker, const int streams[2])
{
	const struct worker_spec *spec = worker->spec;
	const struct worker_setup *setup = worker->setup;
	cleanup_strv char **envp = make_environ(worker);
	cleanup_close int null = spec->single ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct worker_init_setup init = {
		.number = spec->number,
		.single = spec->single,
		.argv = spec->argv,
		.envp = envp,
		.cwd = setup->cwd,
		.in = spec->single ? STDIN_FILENO : null,
		.out = streams[0],
		.err = streams[1],
		.cgroup = spec->cgroup,
		.limits = &spec->limits,
		.grace_ms = setup->grace_ms,
		.judged = setup->judges_leftovers && !spec->is_setup,
		.inherit = &setup->inherit,
		.isolate = setup->isolate,
		.tree = setup->tree,
		.close_descriptors = close_descriptors,
		.arg = worker,
	};
	pid_t pid = worker_init_start(&init, &worker->channel);

	if (pid < 0)
		return pid;
	worker->result.init = pid;
	return 0;
}

static int open_streams(const struct run_worker *worker, int ret_streams[2])
{
	const struct worker_spec *spec = worker->spec;
	cleanup_free char *log = spec->is_setup ? str_copy("setup")
	                                        : str_print("w%u", spec->number);

	if (spec->single) {
		ret_streams[0] = STDOUT_FILENO;
		ret_streams[1] = STDERR_FILENO;
		return 0;
	}
	return output_worker_open(worker->setup->output, spec->number, spec->name, log,
	                          ret_streams);
}

static int launch(struct run_worker *worker)
{
	const struct worker_spec *spec = worker->spec;
	const struct worker_setup *setup = worker->setup;
	const struct isolate_worker isolated = { spec->number, spec->map, spec->map_path,
		                                 spec->cgroup };
	int streams[2];
	int ret = isolate_worker_begin(setup->isolate, &isolated);

	if (!ret)
		ret = open_streams(worker, streams);
	if (ret)
		return ret;
	tell(worker, setup->owner.starting);
	ret = start_init(worker, streams);
	if (!spec->single) {
		close(streams[0]);
		close(streams[1]);
	}
	if (ret)
		return ret;
	ret = loop_add(setup->loop, worker->channel, EPOLLIN, on_channel, worker);
	if (ret)
		close(steal_fd(&worker->channel)); /* then the worker init ends all */
	return ret;
}

void worker_begin(struct run_worker *worker)
{
	worker->result.started_ms = clock_ms();
	set_status(worker, STATE_RUNNING);
}

void worker_launch(struct run_worker *worker)
{
	int64_t timeout_ms = worker->spec->is_setup ? 0 : worker->setup->timeout_ms;
	int ret = launch(worker);

	if (ret)
		worker_fail(worker, str_print("unable to start worker %u: %s", worker->spec->number,
		                              strerror(-ret)));
	else if (timeout_ms)
		worker->timeout = loop_after(worker->setup->loop, timeout_ms, on_timeout, worker);
}

void worker_fail(struct run_worker *worker, char *error)
{
	worker->result.init = 0;
	worker->result.error = error;
	worker->result.exit_status = EXIT_INTERNAL;
	if (!worker->spec->single)
		output_worker_close(worker->setup->output, worker->spec->number);
	finish(worker);
}

/* ---- orders ---- */

/*
 * A worker init that copies the tree reads no messages: end its cp(1), which is in its group or, as
 * each process of a PID namespace, ends with it.
 */
static void end_copying(const struct run_worker *worker)
{
	const struct tree *tree = worker->setup->tree;

	if (worker->result.pid || tree_kind(tree) != TREE_COPY)
		return;
	if (tree_namespaces(tree)->processes)
		(void)kill(worker->result.init, SIGKILL);
	else
		(void)kill(-worker->result.init, SIGTERM);
}

void worker_end(struct run_worker *worker, enum worker_end why, int number)
{
	struct worker_result *result = &worker->result;

	if (result->status == STATE_RUNNING && result->end == END_ITSELF && !result->exited)
		result->end = why;
	if (worker->channel < 0)
		return;
	set_status(worker, STATE_ENDING);
	(void)worker_init_send(worker->channel, INIT_END, number, 0, NULL);
	end_copying(worker);
}

void worker_kill(struct run_worker *worker)
{
	if (worker->channel < 0)
		return;
	(void)worker_init_send(worker->channel, INIT_KILL, 0, 0, NULL);
	end_copying(worker);
}

void worker_signal(struct run_worker *worker, int number)
{
	if (worker->channel >= 0)
		(void)worker_init_signal(worker->channel, 0, number);
}

int worker_exec(struct run_worker *worker, uint32_t id, const int fds[INIT_FDS])
{
	bool runs = worker->result.status == STATE_RUNNING && worker->result.pid;

	return runs ? worker_init_send_exec(worker->channel, id, fds) : -EPIPE;
}

void worker_exec_signal(struct run_worker *worker, uint32_t id, int number)
{
	if (worker->channel >= 0)
		(void)worker_init_signal(worker->channel, id, number);
}

void worker_leftovers_judged(struct run_worker *worker)
{
	if (worker->channel >= 0)
		(void)worker_init_send(worker->channel, INIT_JUDGED, 0, 0, NULL);
}

void worker_close_channel(const struct run_worker *worker)
{
	if (worker->channel >= 0)
		close(worker->channel);
}
