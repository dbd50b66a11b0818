/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. A fault is a kind, a virtual port and a time after the start of the worker's
 * command. At that time the port is looked up in the worker's map. A port without a real port of
 * the worker's own is left alone, so that no fault can reach a server of the host.
 *
 *	reset	the kernel aborts every connection to the port (SOCK_DESTROY): both ends see
 *		ECONNRESET or ECONNABORTED
 *	stall	the processes that hold the port's sockets are stopped for a while: connects wait,
 *		answers are late
 *	kill	they get SIGKILL: connections break, further ones are refused
 *
 * The port of a database is served by the worker's own instance, or by the worker's own relay to a
 * shared server. That instance or relay stalls or dies, never a server that others use.
 *
 * The supervisor, the cleanup guard and the worker inits are never stopped or killed. Every fault
 * is recorded with what it hit, even if it hit nothing: a suite that passed without its fault has
 * shown nothing. A stopped process continues when its worker ends, at the latest.
 */
#include "tools/run/worker/inject.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/process/proc.h"

/* One fault of one worker. */
struct injection {
	const struct inject *inject;
	const struct run_fault *fault;
	unsigned int worker;
	struct berth_portmap *map;
	struct loop_timer *timer;
	int *pidfds; /* of the stopped processes */
	size_t pidfd_count;
};

struct inject {
	struct inject_setup setup;
	struct injection **workers; /* an array for each worker; NULL = not running */
};

/* The sockets on a real port, and the processes that hold them. */
struct fault_target {
	const struct inject *inject;
	struct diag_socket *sockets;
	uint64_t *inodes; /* of the same */
	size_t count;
	pid_t *pids;
	size_t pid_count;
};

static void on_socket(void *arg, const struct diag_socket *socket)
{
	struct fault_target *target = arg;

	if (socket->state == DIAG_TIME_WAIT)
		return;
	target->sockets = mem_grow(target->sockets, target->count + 1, sizeof(*target->sockets));
	target->inodes = mem_grow(target->inodes, target->count + 1, sizeof(*target->inodes));
	target->sockets[target->count] = *socket;
	target->inodes[target->count++] = socket->inode;
}

static bool add_holder(void *arg, pid_t pid)
{
	struct fault_target *target = arg;

	if (!target->inject->setup.needs_process(target->inject->setup.arg, pid) &&
	    proc_has_socket(pid, target->inodes, target->count)) {
		target->pids = mem_grow(target->pids, target->pid_count + 1, sizeof(*target->pids));
		target->pids[target->pid_count++] = pid;
	}
	return true;
}

/* ---- the kinds. Return: how many connections or processes it hit; -errno ---- */

static int reset(struct injection *injection, struct fault_target *target, struct diag *diag)
{
	int hit = 0;

	(void)injection;
	for (size_t i = 0; i < target->count; i++) {
		int ret = target->sockets[i].remote_port ? diag_destroy(diag, &target->sockets[i])
		                                         : -ENOENT;

		if (ret && ret != -ENOENT) /* else it has just ended */
			return ret;
		hit += !ret;
	}
	return hit;
}

static int signal_all(const struct fault_target *target, int number, int **ret_pidfds,
                      size_t *ret_count)
{
	int hit = 0;

	for (size_t i = 0; i < target->pid_count; i++) {
		int pidfd = (int)syscall(SYS_pidfd_open, target->pids[i], 0);

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

/* Signal the stopped processes and forget them; @number 0 = only forget. */
static void release(struct injection *injection, int number)
{
	for (size_t i = 0; i < injection->pidfd_count; i++) {
		if (number)
			(void)syscall(SYS_pidfd_send_signal, injection->pidfds[i], number, NULL, 0);
		close(injection->pidfds[i]);
	}
	free(injection->pidfds);
	injection->pidfds = NULL;
	injection->pidfd_count = 0;
}

static void on_stall_over(void *arg)
{
	struct injection *injection = arg;

	injection->timer = NULL;
	release(injection, SIGCONT);
}

static int stall(struct injection *injection, struct fault_target *target, struct diag *diag)
{
	int hit;

	(void)diag;
	(void)proc_each(add_holder, target);
	hit = signal_all(target, SIGSTOP, &injection->pidfds, &injection->pidfd_count);
	injection->timer = loop_after(injection->inject->setup.loop, injection->fault->for_ms,
	                              on_stall_over, injection);
	return hit;
}

static int end(struct injection *injection, struct fault_target *target, struct diag *diag)
{
	int hit;

	(void)diag;
	(void)proc_each(add_holder, target);
	hit = signal_all(target, SIGKILL, &injection->pidfds, &injection->pidfd_count);
	release(injection, 0);
	return hit;
}

static const struct {
	int (*carry_out)(struct injection *injection, struct fault_target *target,
	                 struct diag *diag);
	const char *one, *many; /* what it hits */
} kinds[RUN_FAULTS] = {
	[RUN_FAULT_RESET] = { reset, "connection", "connections" },
	[RUN_FAULT_STALL] = { stall, "process", "processes" },
	[RUN_FAULT_KILL] = { end, "process", "processes" },
};

/* ---- when ---- */

static int carry_out(struct injection *injection, uint16_t real)
{
	const struct diag_filter filter = { .first = real, .last = real, .no_udp = true };
	struct fault_target target = { .inject = injection->inject };
	struct diag *diag;
	int ret = diag_open(-1, &diag);

	if (ret)
		return ret;
	(void)diag_dump(diag, &filter, on_socket, &target);
	ret = kinds[injection->fault->kind].carry_out(injection, &target, diag);
	diag_close(diag);
	free(target.sockets);
	free(target.inodes);
	free(target.pids);
	return ret;
}

static void on_due(void *arg)
{
	struct injection *injection = arg;
	const struct inject_setup *setup = &injection->inject->setup;
	const struct run_fault *fault = injection->fault;
	uint16_t real = injection->map ? berth_portmap_real(injection->map, BERTH_TCP, fault->port)
	                               : 0;
	/* else the port is shared with the host, or not bound */
	bool own = real && real != fault->port;
	cleanup_free char *name = str_print("%s:%u", run_fault_names[fault->kind], fault->port),
			  *detail = NULL;
	int hit;

	injection->timer = NULL;
	hit = own ? carry_out(injection, real) : 0;
	if (hit < 0)
		detail = str_copy(strerror(-hit));
	else if (!own)
		detail = str_print("the worker has no port %u of its own", fault->port);
	else
		detail = str_print("%d %s", hit,
		                   hit == 1 ? kinds[fault->kind].one : kinds[fault->kind].many);
	log_worker(injection->worker, "fault %s: %s", name, detail);
	setup->on_fault(setup->fault_arg, injection->worker, name, hit < 0 ? 0 : hit, detail);
}

struct inject *inject_open(const struct inject_setup *setup)
{
	struct inject *inject = mem_alloc(sizeof(*inject));

	inject->setup = *setup;
	inject->workers = mem_alloc(setup->workers * sizeof(*inject->workers));
	return inject;
}

void inject_close(struct inject *inject)
{
	if (!inject)
		return;
	for (unsigned int i = 0; i < inject->setup.workers; i++)
		inject_worker_exited(inject, i + 1);
	free(inject->workers);
	free(inject);
}

void inject_worker_started(struct inject *inject, unsigned int worker, struct berth_portmap *map)
{
	const struct run_faults *faults = inject->setup.faults;
	struct injection *list;

	if (!faults->count)
		return;
	list = inject->workers[worker - 1] = mem_alloc(faults->count * sizeof(*list));
	for (unsigned int i = 0; i < faults->count; i++) {
		list[i] = (struct injection){ inject, &faults->of[i], worker, map, NULL, NULL, 0 };
		list[i].timer = loop_after(inject->setup.loop, faults->of[i].at_ms, on_due,
		                           &list[i]);
	}
}

void inject_worker_exited(struct inject *inject, unsigned int worker)
{
	struct injection *list = inject->workers[worker - 1];

	for (unsigned int i = 0; list && i < inject->setup.faults->count; i++) {
		loop_cancel(inject->setup.loop, list[i].timer);
		release(&list[i], SIGCONT);
	}
	free(list);
	inject->workers[worker - 1] = NULL;
}
