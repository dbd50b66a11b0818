/* SPDX-License-Identifier: MIT */
/*
 * Does the rewriting really happen? After attaching, a child in a cgroup of its own binds, connects
 * and asks for names through a map of its own. Loading and attaching prove little: other programs
 * on the way up the hierarchy may undo the rewriting, or the hook may never run.
 *
 * The child only makes system calls: it is the fork of a process that may have threads.
 */
#include "tools/isolate/bpf_selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/process/child.h"

enum { DEADLINE_MS = 5000, VIRTUAL_PORT = 1 /* tcpmux: no one has a server there */ };

enum step { PASSED, ENTERING, BINDING, LISTENING, NAMING, CONNECTING, NAMING_PEER, STEPS };

static const char *const failed[STEPS] = {
	[ENTERING] = "a process cannot enter the run's cgroup",
	[BINDING] = "a bind is not rewritten",
	[LISTENING] = "a bound socket cannot listen",
	[NAMING] = "getsockname(2) is not rewritten",
	[CONNECTING] = "a connect is not rewritten",
	[NAMING_PEER] = "getpeername(2) is not rewritten",
};

static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static bool names(int (*call)(int, struct sockaddr *, socklen_t *), int fd, uint16_t port)
{
	struct sockaddr_in address = { 0 };
	socklen_t len = sizeof(address);

	return !call(fd, (struct sockaddr *)&address, &len) && ntohs(address.sin_port) == port;
}

/* Born inside the cgroup: moving there costs an RCU grace period, 10 ms. Return: as fork(2). */
static pid_t fork_into(int cgroup, bool *ret_inside)
{
	struct clone_args args = { .exit_signal = SIGCHLD,
		                   .flags = CLONE_INTO_CGROUP,
		                   .cgroup = (unsigned int)cgroup };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	*ret_inside = pid >= 0;
	return pid >= 0 ? pid : fork();
}

static bool enter(int cgroup)
{
	int procs = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return procs >= 0 && write(procs, "0", 1) == 1;
}

static enum step child(int cgroup, bool inside)
{
	struct sockaddr_in address = loopback(VIRTUAL_PORT);
	int server, client;

	if (!inside && !enter(cgroup))
		return ENTERING;
	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server, (struct sockaddr *)&address, sizeof(address)))
		return BINDING;
	if (listen(server, 1))
		return LISTENING;
	if (!names(getsockname, server, VIRTUAL_PORT))
		return NAMING;
	if (connect(client, (struct sockaddr *)&address, sizeof(address)))
		return CONNECTING;
	return names(getpeername, client, VIRTUAL_PORT) ? PASSED : NAMING_PEER;
}

/* A port that was free a moment ago. Return: 0 if there is none. */
static uint16_t free_port(void)
{
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = loopback(0);
	socklen_t len = sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		return 0;
	return ntohs(address.sin_port);
}

int bpf_selftest_prepare(struct berth_portmap *map)
{
	uint16_t port = free_port();
	bool is_new;

	if (!port)
		return -EADDRNOTAVAIL;
	berth_portmap_init(map, 0, port, 1);
	return berth_portmap_claim(map, BERTH_TCP, VIRTUAL_PORT, &is_new) == port ? 0
	                                                                          : -EADDRNOTAVAIL;
}

int bpf_selftest_run(int cgroup, const struct berth_portmap *map, const char **ret_reason)
{
	bool inside;
	pid_t pid = fork_into(cgroup, &inside);
	int step;

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(child(cgroup, inside));
	step = child_wait(pid, DEADLINE_MS);
	if (step < 0)
		return step;
	/* a bind that was not rewritten looks the same to the child: ask post_bind */
	if (step != ENTERING && map->slots[0].state != BERTH_SLOT_BOUND)
		step = BINDING;
	if (step == PASSED)
		return 0;
	*ret_reason = step < STEPS ? failed[step] : "the self-test died";
	return -ENOTSUP;
}
