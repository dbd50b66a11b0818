/* SPDX-License-Identifier: MIT */
/*
 * A fault is a row of run_fault_names, a port and a time after the start of the worker's command. The port is looked up in the
 * worker's map when the time has come; what has no real port of the worker's own there is left alone, so that no fault can reach
 * a server of the host.
 *
 *	reset	the kernel aborts every connection to the port (SOCK_DESTROY): both ends see ECONNRESET or ECONNABORTED
 *	stall	the processes that have the port's sockets are stopped for a while: connects wait, answers are late
 *	kill	they get SIGKILL: connections break, further ones are refused
 *
 * A database's port is served by a cluster of the worker's own, or by the relay that is its own way to a shared server: that is
 * what stalls or dies, never the server that others use.
 *
 * Laws: what a run needs is never stopped or killed: the supervisor, the guard, the worker inits. Every fault is recorded with what
 * it hit, also when that is nothing: a suite that passed without its fault has shown nothing. A process that is stopped is
 * continued when its worker ends, at the latest.
 */
#include "tools/run/inject.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/log.h"
#include "tools/run/watching.h"
#include "tools/process/proc.h"

struct injection {
	struct run_worker *worker;
	const struct run_fault *fault;
	struct loop_timer *timer;
	int *stopped; /* pidfds */
	size_t stopped_count;
};

/* What there is on a real port: connections, and the inodes of all its sockets. */
struct found {
	const struct run *run;
	struct diag_socket *sockets;
	uint64_t *inodes; /* of the same */
	size_t count;
	pid_t *pids;
	size_t pid_count;
};

static void on_socket(void *arg, const struct diag_socket *socket)
{
	struct found *found = arg;

	if (socket->state == DIAG_TIME_WAIT)
		return;
	found->sockets = mem_grow(found->sockets, found->count + 1, sizeof(*found->sockets));
	found->inodes = mem_grow(found->inodes, found->count + 1, sizeof(*found->inodes));
	found->sockets[found->count] = *socket;
	found->inodes[found->count++] = socket->inode;
}

static bool visit(void *arg, pid_t pid)
{
	struct found *found = arg;

	if (!run_needs_process(found->run, pid) &&
	    proc_has_socket(pid, found->inodes, found->count)) {
		found->pids = mem_grow(found->pids, found->pid_count + 1, sizeof(*found->pids));
		found->pids[found->pid_count++] = pid;
	}
	return true;
}

/* ---- the kinds; each says what it did, and returns how many it hit or -errno ---- */

static int reset(struct injection *injection, struct found *found, struct diag *diag)
{
	int hit = 0;

	(void)injection;
	for (size_t i = 0; i < found->count; i++) {
		int ret = found->sockets[i].remote_port ? diag_destroy(diag, &found->sockets[i])
		                                        : -ENOENT;

		if (ret && ret != -ENOENT) /* it had just ended */
			return ret;
		hit += !ret;
	}
	return hit;
}

static int signal_all(const struct found *found, int number, int **ret_pidfds, size_t *ret_count)
{
	int hit = 0;

	for (size_t i = 0; i < found->pid_count; i++) {
		int pidfd = (int)syscall(SYS_pidfd_open, found->pids[i], 0);

		if (pidfd < 0 || syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0)) {
			int error = errno;

			if (pidfd >= 0)
				close(pidfd);
			if (error == ESRCH)
				continue;
			return -error;
		}
		hit++;
		*ret_pidfds = mem_grow(*ret_pidfds, *ret_count + 1, sizeof(int));
		(*ret_pidfds)[(*ret_count)++] = pidfd;
	}
	return hit;
}

static void let_go(struct injection *injection, int number)
{
	for (size_t i = 0; i < injection->stopped_count; i++) {
		if (number)
			(void)syscall(SYS_pidfd_send_signal, injection->stopped[i], number, NULL,
			              0);
		close(injection->stopped[i]);
	}
	free(injection->stopped);
	injection->stopped = NULL;
	injection->stopped_count = 0;
}

static void on_stall_over(void *arg)
{
	struct injection *injection = arg;

	injection->timer = NULL;
	let_go(injection, SIGCONT);
}

static int stall(struct injection *injection, struct found *found, struct diag *diag)
{
	int hit;

	(void)diag;
	(void)proc_each(visit, found);
	hit = signal_all(found, SIGSTOP, &injection->stopped, &injection->stopped_count);
	injection->timer = loop_after(injection->worker->run->loop, injection->fault->for_ms,
	                              on_stall_over, injection);
	return hit;
}

static int end(struct injection *injection, struct found *found, struct diag *diag)
{
	int hit;

	(void)diag;
	(void)proc_each(visit, found);
	hit = signal_all(found, SIGKILL, &injection->stopped, &injection->stopped_count);
	let_go(injection, 0);
	return hit;
}

static const struct {
	int (*inject)(struct injection *injection, struct found *found, struct diag *diag);
	const char *one, *many; /* what it hits */
} kinds[RUN_FAULTS] = {
	[RUN_FAULT_RESET] = { reset, "connection", "connections" },
	[RUN_FAULT_STALL] = { stall, "process", "processes" },
	[RUN_FAULT_KILL] = { end, "process", "processes" },
};

/* ---- when ---- */

static int inject(struct injection *injection, uint16_t real)
{
	const struct diag_filter filter = { .first = real, .last = real, .no_udp = true };
	struct found found = { .run = injection->worker->run };
	struct diag *diag;
	int ret = diag_open(-1, &diag);

	if (ret)
		return ret;
	(void)diag_dump(diag, &filter, on_socket, &found);
	ret = kinds[injection->fault->kind].inject(injection, &found, diag);
	diag_close(diag);
	free(found.sockets);
	free(found.inodes);
	free(found.pids);
	return ret;
}

static void on_due(void *arg)
{
	struct injection *injection = arg;
	const struct run_fault *fault = injection->fault;
	const struct run_worker *worker = injection->worker;
	uint16_t real = worker->map ? berth_portmap_real(worker->map, BERTH_TCP, fault->port) : 0;
	/* else it is shared with the host, or nobody has bound it */
	bool own = real && real != fault->port;
	cleanup_free char *name = str_print("%s:%u", run_fault_names[fault->kind], fault->port),
			  *said = NULL;
	int hit;

	injection->timer = NULL;
	hit = own ? inject(injection, real) : 0;
	if (hit < 0)
		said = str_print("%s", strerror(-hit));
	else if (!own)
		said = str_print("the worker has no port %u of its own", fault->port);
	else
		said = str_print("%d %s", hit,
		                 hit == 1 ? kinds[fault->kind].one : kinds[fault->kind].many);
	log_worker(worker->number, "fault %s: %s", name, said);
	watching_fault(worker, name, hit < 0 ? 0 : hit, said);
}

void inject_worker_started(struct run_worker *worker)
{
	const struct run_faults *faults = &worker->run->options->faults;

	if (worker->setup || !faults->count)
		return;
	worker->injections = mem_alloc(faults->count * sizeof(*worker->injections));
	for (unsigned int i = 0; i < faults->count; i++) {
		worker->injections[i] = (struct injection){ .worker = worker,
			                                    .fault = &faults->of[i] };
		worker->injections[i].timer = loop_after(worker->run->loop, faults->of[i].at_ms,
		                                         on_due, &worker->injections[i]);
	}
}

void inject_worker_exited(struct run_worker *worker)
{
	for (unsigned int i = 0; worker->injections && i < worker->run->options->faults.count;
	     i++) {
		loop_cancel(worker->run->loop, worker->injections[i].timer);
		let_go(&worker->injections[i], SIGCONT);
	}
	free(worker->injections);
	worker->injections = NULL;
}
