/* SPDX-License-Identifier: MIT */
/*
 * The loop of a run: a queue of workers on some slots, and the signals that change its course.
 *
 * A signal that asks us to end is passed on once, with grace; the second one ends the run now. A single worker shares our
 * terminal and process group: a ^C has reached the command already when it reaches us (si_code says that the kernel
 * sent it), so we only wait for what the command makes of it, however often it comes. What is no order to end is the command's
 * alone: SIGUSR1, SIGUSR2, and SIGQUIT, upon which runtimes (Java, Go) say where they are. So is what we were started
 * with ignored, because the command was, too, and may have changed it for itself (nohup, and a server that reloads).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/process/confine.h"
#include "tools/base/log.h"
#include "tools/run/allocate.h"
#include "tools/run/database.h"
#include "tools/run/run.h"
#include "tools/run/watching.h"

enum { TICK_MS = 200 };

/* Connections that it had open at once in earlier runs, and one of Berth's. A task that is new is taken for the largest. */
static unsigned int pool_of(const struct run *run, unsigned int index)
{
	unsigned int seen = run->options->task_pools[index];

	return (seen ? seen : run->options->pool_seen) + 1;
}

/*
 * Does the shared server have connections for this one beside those that run? One that does not fit waits, and smaller ones
 * overtake it; when nobody else runs it goes, whatever the numbers say.
 */
static bool has_connections(struct run *run, unsigned int index)
{
	unsigned int used = 0;

	if (!run->pool_left || !run->running)
		return true;
	for (unsigned int i = 0; i < run->count; i++)
		if (run->workers[i].status == STATE_RUNNING ||
		    run->workers[i].status == STATE_ENDING)
			used += pool_of(run, i);
	if (used + pool_of(run, index) <= run->pool_left)
		return true;
	if (!run->pool_waited)
		log_line("tasks wait for each other: the database server has %u connections left, "
		         "and they need more together",
		         run->pool_left);
	run->pool_waited = true;
	return false;
}

static void start_some(struct run *run)
{
	for (unsigned int i = 0; i < run->count && !run->stop_queue; i++) {
		unsigned int next = run->plan->order[i];

		if (run->running >= run->plan->slots)
			break;
		if (run->workers[next].status == STATE_WAITING && has_connections(run, next))
			worker_start(&run->workers[next]);
	}
}

static bool all_started(const struct run *run)
{
	for (unsigned int i = 0; i < run->count; i++) {
		const struct run_worker *worker = &run->workers[i];

		if (worker->status == STATE_WAITING ? !run->stop_queue
		                                    : !worker->ended_ms && worker->channel < 0)
			return false;
	}
	return true;
}

/* Commands are the suite's, which has what we were given; so this waits for the last one's start. */
static void confine_supervisor(struct run *run)
{
	bool bpf = isolate_backend(run->isolate) == ISOLATE_BPF || watching_by_bpf(run);
	bool commands, servers = database_has_servers(run, &commands);
	int ret;

	run->confined = true;
	/* the user's own programs, which may want anything */
	if (commands || run->options->hook)
		return;
	ret = confine(CONFINE_SUPERVISOR,
	              (bpf ? CONFINE_FOR_BPF : 0) | (servers ? CONFINE_FOR_SERVERS : 0) |
	                      (run->options->faults.count ? CONFINE_FOR_FAULTS : 0));
	log_act("give up what the rest of the run does not need%s%s", ret ? ": " : "",
	        ret ? strerror(-ret) : "");
}

static void end_all(struct run *run, enum worker_end why, int number)
{
	run->stop_queue = true;
	for (unsigned int i = 0; i < run->made; i++)
		worker_end(&run->workers[i], why, number);
}

void run_worker_over(struct run *run, struct run_worker *worker)
{
	database_worker_over(worker);
	if (worker->setup)
		return;
	run->running--;
	run->over++;
	run->state_dirty = run->allocate_dirty = true;
	if (worker->status == STATE_FAILED)
		run->failed++;
	output_worker_over(worker);
	if (worker->status == STATE_FAILED && run->options->fail_fast && !run->stop_queue)
		end_all(run, END_FAIL_FAST, SIGTERM);
}

static void on_end_signal(struct run *run, const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;

	if (run->plan->single && number == SIGINT && info->ssi_code == SI_KERNEL &&
	    !run->workers[0].exited)
		return; /* but not SIGHUP: of a terminal that is gone only the session's leader hears, which may be us */
	run->signal_count++;
	if (!run->got_signal)
		run->got_signal = number;
	if (run->signal_count == 1) {
		end_all(run, END_SIGNAL, number);
		return;
	}
	run->stop_queue = true;
	for (unsigned int i = 0; i < run->made; i++)
		worker_kill(&run->workers[i]);
}

/* ^Z with several workers: they are not in the foreground group, so it has to be passed on. */
static void stop_and_continue(struct run *run)
{
	for (unsigned int i = 0; i < run->made; i++)
		if (run->workers[i].channel >= 0)
			(void)worker_init_send(run->workers[i].channel, INIT_SIGNAL, SIGSTOP, 0,
			                       NULL);
	progress_clear();
	raise(SIGSTOP);
	for (unsigned int i = 0; i < run->made; i++)
		if (run->workers[i].channel >= 0)
			(void)worker_init_send(run->workers[i].channel, INIT_SIGNAL, SIGCONT, 0,
			                       NULL);
}

static void pass_on(struct run *run, const struct signalfd_siginfo *info)
{
	if (run->plan->single && info->ssi_code == SI_KERNEL)
		return;
	for (unsigned int i = 0; i < run->made; i++)
		if (run->workers[i].channel >= 0)
			(void)worker_init_send(run->workers[i].channel, INIT_SIGNAL,
			                       (int)info->ssi_signo, 0, NULL);
}

void run_poll_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
		if (sigismember(&run->ignored, (int)info.ssi_signo)) {
			pass_on(run, &info);
			continue;
		}
		switch (info.ssi_signo) {
		case SIGINT:
		case SIGTERM:
		case SIGHUP: on_end_signal(run, &info); break;
		case SIGTSTP: stop_and_continue(run); break;
		default: pass_on(run, &info);
		}
	}
}

static void on_signal(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	run_poll_signals(arg);
}

static void on_tick(void *arg)
{
	struct run *run = arg;

	notes_drain(run);
	allocate_update(run);
	for (unsigned int i = 0; i < run->count; i++)
		if (run->workers[i].status == STATE_RUNNING)
			watching_limits(&run->workers[i]);
	if (run->state_dirty)
		run_save_state(run);
	progress_show(run);
	run->tick = loop_after(run->loop, TICK_MS, on_tick, run);
}

int run_supervise(struct run *run)
{
	int ret = loop_add(run->loop, run->signals, EPOLLIN, on_signal, run);

	if (ret)
		return ret;
	run->tick = loop_after(run->loop, TICK_MS, on_tick, run);
	do {
		start_some(run);
		if (!run->confined && all_started(run))
			confine_supervisor(run);
		if (run->running)
			ret = loop_step(run->loop, -1);
	} while (!ret && (run->running || (!run->stop_queue && run->over < run->count)));
	loop_cancel(run->loop, run->tick);
	run->tick = NULL;
	progress_clear();
	loop_remove(run->loop, run->signals);
	return ret;
}
