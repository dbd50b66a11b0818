/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. sock_diag(7) says whether a socket listens on a port, and its inode;
 * /proc/PID/fd says whether a process of the worker has it (a server on port 0, or an inherited
 * one). UDP is treated alike: a datagram that no process can receive has reached no server. DNS is
 * not a server of the suite. /proc/net/unix lists abstract sockets in the same way.
 */
#include "tools/run/worker/foreign.h"

#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/str.h"
#include "tools/process/family.h"
#include "tools/process/proc.h"

enum { LISTENERS_MAX = 16, DNS = 53 };

struct foreign_listeners {
	unsigned int count;
	uint64_t inodes[LISTENERS_MAX];
	char *holder; /* once found */
};

static void add_listener(void *arg, const struct diag_socket *socket)
{
	struct foreign_listeners *listeners = arg;

	if (diag_state_listens(socket) && listeners->count < LISTENERS_MAX)
		listeners->inodes[listeners->count++] = socket->inode;
}

static bool is_own(pid_t init, const struct foreign_listeners *listeners)
{
	cleanup_pids struct pids pids = { 0 };

	if (init > 0)
		process_descendants(init, &pids);
	for (size_t i = 0; i < pids.count; i++)
		if (proc_has_socket(pids.list[i], listeners->inodes, listeners->count))
			return true;
	return false;
}

static bool find_holder(void *arg, pid_t pid)
{
	struct foreign_listeners *listeners = arg;
	cleanup_free char *command = NULL;

	if (!proc_has_socket(pid, listeners->inodes, listeners->count))
		return true;
	command = proc_command(pid);
	listeners->holder = str_print("%.80s (pid %d)", command, (int)pid);
	return false;
}

/* True if the worker has none of @listeners; *ret_who names who has one, if that can be seen. */
static bool is_outsider(pid_t init, struct foreign_listeners *listeners, char **ret_who)
{
	if (!listeners->count || is_own(init, listeners))
		return false;
	(void)proc_each(find_holder, listeners);
	*ret_who = listeners->holder;
	return true;
}

bool foreign_is_outsider(pid_t init, enum berth_proto proto, uint16_t port, char **ret_who)
{
	const struct diag_filter filter = { .first = port,
		                            .last = port,
		                            .no_tcp = proto == BERTH_UDP,
		                            .no_udp = proto == BERTH_TCP };
	struct foreign_listeners listeners = { 0 };

	if (proto == BERTH_UDP && port == DNS)
		return false;
	if (diag_each(-1, &filter, add_listener, &listeners))
		return true; /* no sock_diag: the connection stands as it is */
	return is_outsider(init, &listeners, ret_who);
}

struct name_search {
	const char *name;
	struct foreign_listeners listeners;
};

static bool add_named(void *arg, const struct proc_unix *entry)
{
	struct name_search *search = arg;

	if (!strncmp(entry->path, search->name, BERTH_NOTE_TEXT - 1))
		search->listeners.inodes[search->listeners.count++] = entry->inode;
	return search->listeners.count < LISTENERS_MAX;
}

bool foreign_is_outsider_name(pid_t init, const char *name, char **ret_who)
{
	struct name_search search = { .name = name };

	return proc_each_unix(getpid(), add_named, &search) ||
	       is_outsider(init, &search.listeners, ret_who);
}
