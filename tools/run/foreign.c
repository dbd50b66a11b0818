/* SPDX-License-Identifier: MIT */
/*
 * sock_diag says whether anybody listens on a port, and the inode of the socket; the worker's own processes are asked
 * through /proc/PID/fd whether it is theirs (a server on port 0, or an inherited one). UDP is asked the same way: a
 * datagram that nobody can receive has reached nobody's server. DNS is no server of the suite's.
 */
#include "tools/run/foreign.h"

#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/process/family.h"
#include "tools/process/proc.h"

enum { LISTENERS_MOST = 16, DNS = 53 };

struct listeners {
	unsigned int count;
	uint64_t inodes[LISTENERS_MOST];
	char *holder; /* once found */
};

static void add_listener(void *arg, const struct diag_socket *socket)
{
	struct listeners *listeners = arg;

	if (diag_state_listens(socket) && listeners->count < LISTENERS_MOST)
		listeners->inodes[listeners->count++] = socket->inode;
}

static bool is_own(const struct run_worker *worker, const struct listeners *listeners)
{
	cleanup_pids struct pids pids = { 0 };

	if (worker->init > 0)
		process_descendants(worker->init, &pids);
	for (size_t i = 0; i < pids.count; i++)
		if (proc_has_socket(pids.list[i], listeners->inodes, listeners->count))
			return true;
	return false;
}

static bool visit(void *arg, pid_t pid)
{
	struct listeners *listeners = arg;
	cleanup_free char *command = NULL;

	if (!proc_has_socket(pid, listeners->inodes, listeners->count))
		return true;
	command = proc_command(pid);
	listeners->holder = str_print("%.80s (pid %d)", command, (int)pid);
	return false;
}

bool foreign_is_outsider(const struct run_worker *worker, enum berth_proto proto, uint16_t port,
                         char **ret_who)
{
	const struct diag_filter filter = { .first = port,
		                            .last = port,
		                            .no_tcp = proto == BERTH_UDP,
		                            .no_udp = proto == BERTH_TCP };
	struct listeners listeners = { 0 };

	if (proto == BERTH_UDP && port == DNS)
		return false;
	if (diag_each(-1, &filter, add_listener, &listeners))
		return true; /* no sock_diag: the connection stands as it is */
	if (!listeners.count || is_own(worker, &listeners))
		return false;
	(void)proc_each(visit, &listeners);
	*ret_who = listeners.holder;
	return true;
}
