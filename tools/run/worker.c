/* SPDX-License-Identifier: MIT */
/*
 * One worker, from its start to its end, as the supervisor sees it. What happens below the worker init is the worker init's.
 *
 *	WAITING -> RUNNING -> ENDING -> PASSED or FAILED
 *
 * RUNNING ends when the command does; the worker is over when the worker init is gone, because only then nothing of it is
 * left that could write or listen.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/run/database.h"
#include "tools/run/inject.h"
#include "tools/process/family.h"
#include "tools/run/run.h"
#include "tools/run/watching.h"
#include "tools/process/proc.h"

enum { EXIT_TIMEOUT = 124, EXIT_INTERNAL = 125, EXIT_CANNOT_EXEC = 126, EXIT_NOT_FOUND = 127 };
enum { ORPHANS_MOST_MS = 3000 };

char *worker_name(const struct run_worker *worker)
{
	if (worker->setup)
		return str_copy("setup");
	return worker->run->plan->named ? str_copy(worker->plan->task)
	                                : str_print("w%u", worker->number);
}

/* Tasks are often called like files, "../e2e/cart.spec.js": one name of a directory each, and none that leads elsewhere. */
char *worker_collected(const struct run_worker *worker)
{
	cleanup_free char *name = worker_name(worker);
	struct str path = { 0 };

	str_addf(&path, "%s/collected/", worker->run->results_dir);
	for (const char *at = name; *at; at++)
		if (*at == '/' || *at == '%' || (*at == '.' && at == name))
			str_addf(&path, "%%%02X", *at);
		else
			str_add_len(&path, at, 1);
	return str_take(&path);
}

/* The only worker of the run: it keeps our terminal, streams and process group. */
static bool is_single(const struct run_worker *worker)
{
	return worker->run->plan->single && !worker->setup;
}

static char **worker_environ(const struct run_worker *worker)
{
	const struct run *run = worker->run;
	cleanup_free char *number = str_print("%u", worker->number),
			  *count = str_print("%u", run->count);
	char **envp = strv_copy(environ);

	isolate_worker_environ(run->isolate, worker->number, &envp);
	environ_set(&envp, "BERTH_RUN", run->id);
	environ_set(&envp, "BERTH_WORKER", number);
	environ_set(&envp, "BERTH_WORKERS", count);
	environ_set(&envp, "BERTH_TASK", worker->plan->task);
	watching_environ(worker, &envp);
	database_environ(run, &envp);
	if (worker->tmp_dir)
		environ_set(&envp, "TMPDIR", worker->tmp_dir);
	else if (environ_get(envp, "TMPDIR"))
		environ_set(&envp, "TMPDIR", "/tmp"); /* the private one; theirs is shared */
	if (!is_single(worker) && run->color && !environ_get(envp, "NO_COLOR") &&
	    !environ_get(envp, "FORCE_COLOR"))
		environ_set(&envp, "FORCE_COLOR", "1");
	return envp;
}

/* In the new worker init: other workers' ends must be seen by the supervisor's death, not by this worker init's. */
static void forget(void *arg)
{
	const struct run_worker *own = arg;
	struct run *run = own->run;

	loop_close(run->loop);
	close(run->signals);
	close(run->lock);
	if (run->guard_channel >= 0)
		close(run->guard_channel);
	for (unsigned int i = 0; i < run->made; i++) {
		struct run_worker *worker = &run->workers[i];
		const int fds[] = { worker->channel, worker->out.fd, worker->err.fd, worker->log };

		for (size_t j = 0; j < ARRAY_LEN(fds); j++)
			if (fds[j] >= 0)
				close(fds[j]);
		if (worker != own)
			ports_block_release(&worker->block);
	}
}

static void finish(struct run_worker *worker)
{
	worker->ended_ms = clock_ms();
	if (worker->end == END_TIMEOUT)
		worker->exit_status = EXIT_TIMEOUT;
	else if (!worker->exited && !worker->exit_status)
		worker->exit_status = EXIT_INTERNAL;
	worker->status = worker->exit_status ? STATE_FAILED : STATE_PASSED;
	watching_worker_over(worker);
	run_worker_over(worker->run, worker);
}

bool run_needs_process(const struct run *run, pid_t pid)
{
	for (unsigned int i = 0; i < run->made; i++)
		if (run->workers[i].init == pid)
			return true;
	return pid == run->guard || pid == getpid();
}

/*
 * Kill what became our child, of @worker or (NULL) of any. Servers and relays of other workers are our children, too.
 * Return: true if there was anything.
 */
static bool kill_orphans_once(const struct run *run, const struct run_worker *worker)
{
	cleanup_pids struct pids children = { 0 };
	bool any = false;

	process_children(getpid(), &children);
	for (size_t i = 0; i < children.count; i++) {
		cleanup_pids struct pids below = { 0 };

		if (run_needs_process(run, children.list[i]) ||
		    (worker && !owner_is(children.list[i], run->id, worker->number)))
			continue;
		process_descendants(children.list[i], &below);
		for (size_t j = 0; j < below.count; j++)
			kill(below.list[j], SIGKILL);
		kill(children.list[i], SIGKILL);
		any = waitpid(children.list[i], NULL, WNOHANG) == 0 || below.count || any;
	}
	return any;
}

void worker_kill_orphans(const struct run *run, const struct run_worker *worker)
{
	int64_t due_ms = clock_ms() + ORPHANS_MOST_MS;

	while (kill_orphans_once(run, worker) && clock_ms() < due_ms)
		poll(NULL, 0, 1);
}

/* The worker init is gone, and everything of the worker with it. */
static void on_init_gone(struct run_worker *worker)
{
	struct run *run = worker->run;
	int status = 0;

	loop_remove(run->loop, worker->channel);
	close(worker->channel);
	worker->channel = -1;
	if (waitpid(worker->init, &status, 0) < 0 || !WIFEXITED(status)) {
		if (worker->cgroup >= 0)
			(void)file_put_at(worker->cgroup, "cgroup.kill", "1");
		worker_kill_orphans(run, worker);
	}
	worker->init = 0;
	loop_cancel(run->loop, worker->timeout);
	worker->timeout = NULL;
	output_drain(worker);
	output_close(worker);
	notes_drain_worker(worker);
	watching_worker_end(worker);
	isolate_worker_end(run->isolate, worker->number);
	if (!worker->exited && !worker->error)
		worker->error = str_print("the init process of w%u died", worker->number);
	finish(worker);
}

static void on_failed(struct run_worker *worker, const struct worker_init_message *message)
{
	const char *program = worker->plan->argv[0];

	worker->exited = true;
	worker->pid = 0;
	free(worker->error);
	worker->error = NULL;
	if (worker->end != END_ITSELF) {
		/* it was not let: that is said in its own words */
		worker->exit_status = EXIT_INTERNAL;
	} else if (!strcmp(message->text, "exec")) {
		worker->error = str_print("unable to start '%s': %s", program,
		                          strerror(message->number));
		worker->exit_status = message->number == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
	} else {
		worker->error = str_print("unable to start worker %u: %s: %s", worker->number,
		                          message->text, strerror(message->number));
		worker->exit_status = EXIT_INTERNAL;
	}
}

static void on_exited(struct run_worker *worker, const struct worker_init_message *message)
{
	int status = message->number;

	worker->exited = true;
	worker->wait_status = status;
	worker->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	worker->status = STATE_ENDING;
	worker->run->state_dirty = true;
	loop_cancel(worker->run->loop, worker->timeout);
	worker->timeout = NULL;
	inject_worker_exited(worker);
	watching_worker_exited(worker);
}

static void on_left(struct run_worker *worker, const struct worker_init_message *message)
{
	struct leftover *left;

	worker->leftovers = mem_grow(worker->leftovers, worker->leftover_count + 1,
	                             sizeof(*worker->leftovers));
	left = &worker->leftovers[worker->leftover_count++];
	*left = (struct leftover){ message->pid, str_copy(message->text),
		                   message->kind == INIT_SURVIVED };
}

static void on_message(struct run_worker *worker, const struct worker_init_message *message)
{
	switch (message->kind) {
	case INIT_STARTED:
		worker->pid = message->pid;
		worker->run->state_dirty = true;
		(void)isolate_worker_started(worker->run->isolate, worker->number, worker->pid);
		watching_worker_started(worker);
		inject_worker_started(worker);
		break;
	case INIT_FAILED: on_failed(worker, message); break;
	case INIT_EXITED: on_exited(worker, message); break;
	case INIT_STOPPED:
		/* It stopped itself: so do we, or the shell would wait for us for ever. A ^Z has stopped us as well, and
		 * by now both may have been continued: that news is old. */
		if (proc_is_stopped(message->pid))
			raise(SIGSTOP);
		break;
	default: on_left(worker, message);
	}
}

static void on_channel(void *arg, int fd, uint32_t events)
{
	struct run_worker *worker = arg;
	struct worker_init_message message;
	int ret;

	(void)events;
	do {
		ret = worker_init_receive(fd, &message);
		if (ret == 1)
			on_message(worker, &message);
	} while (ret == 1);
	if (ret != -EAGAIN && ret != -EINTR)
		on_init_gone(worker);
}

static void on_timeout(void *arg)
{
	struct run_worker *worker = arg;

	worker->timeout = NULL;
	worker_end(worker, END_TIMEOUT, SIGTERM);
}

static int start_init(struct run_worker *worker, const int streams[2])
{
	struct run *run = worker->run;
	cleanup_strv char **envp = worker_environ(worker);
	cleanup_close int null = is_single(worker) ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct worker_init_setup setup = {
		.number = worker->number,
		.single = is_single(worker),
		.argv = worker->plan->argv,
		.envp = envp,
		.cwd = run->cwd,
		.in = is_single(worker) ? 0 : null,
		.out = streams[0],
		.err = streams[1],
		.cgroup = worker->cgroup,
		.limits = &worker->limits,
		.grace_ms = run->plan->grace_ms,
		.watched = watching_works(run) && !worker->setup,
		.inherit = &run->inherit,
		.isolate = run->isolate,
		.tree = run->tree,
		.forget = forget,
		.forget_arg = worker,
	};

	worker->init = worker_init_start(&setup, &worker->channel);
	return worker->init < 0 ? worker->init : 0;
}

static int start(struct run_worker *worker)
{
	struct run *run = worker->run;
	const struct isolate_worker isolated = { worker->number, worker->map, worker->map_path,
		                                 worker->cgroup };
	int streams[2] = { 1, 2 };
	int ret = isolate_worker_begin(run->isolate, &isolated);

	if (!ret)
		ret = tree_prepare(run->tree, worker->number);
	if (!ret && !is_single(worker))
		ret = output_open(worker, streams);
	if (ret)
		return ret;
	watching_worker_begin(worker);
	ret = start_init(worker, streams);
	if (!is_single(worker)) {
		close(streams[0]);
		close(streams[1]);
	}
	if (ret)
		return ret;
	ret = loop_add(run->loop, worker->channel, EPOLLIN, on_channel, worker);
	if (ret) {
		close(worker->channel); /* upon which the worker init ends it all */
		worker->channel = -1;
	}
	return ret;
}

static void fail_to_start(struct run_worker *worker, int error)
{
	worker->init = 0;
	if (!worker->error && worker->end == END_ITSELF)
		worker->error = str_print("unable to start worker %u: %s", worker->number,
		                          strerror(-error));
	worker->exit_status = EXIT_INTERNAL;
	output_close(worker);
	finish(worker);
}

/* Its databases are there, or never will be, or it has been told to end while it waited for them. */
static void go(struct run_worker *worker)
{
	struct run *run = worker->run;
	int ret;

	if (worker->error || worker->end != END_ITSELF) {
		fail_to_start(worker, -ECANCELED);
		return;
	}
	ret = start(worker);
	if (ret)
		fail_to_start(worker, ret);
	else if (run->options->timeout_ms && !worker->setup)
		worker->timeout = loop_after(run->loop, run->options->timeout_ms, on_timeout,
		                             worker);
}

void worker_start(struct run_worker *worker)
{
	struct run *run = worker->run;
	int ret;

	worker->started_ms = clock_ms();
	worker->status = STATE_RUNNING;
	run->running += !worker->setup;
	run->state_dirty = true;
	ret = database_prepare(worker, go);
	if (ret == 1)
		go(worker);
	else if (ret)
		fail_to_start(worker, ret);
}

/* A worker init that copies the tree reads no messages. The signal ends its cp(1), which is in its group. */
static void end_copying(const struct run_worker *worker)
{
	if (!worker->pid && tree_kind(worker->run->tree) == TREE_COPY)
		(void)kill(-worker->init, SIGTERM);
}

void worker_end(struct run_worker *worker, enum worker_end why, int number)
{
	if (worker->status == STATE_RUNNING && worker->end == END_ITSELF && !worker->exited)
		worker->end = why;
	if (worker->channel < 0) {
		database_give_up(worker);
		return;
	}
	worker->status = STATE_ENDING;
	worker->run->state_dirty = true;
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
