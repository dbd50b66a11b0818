/* SPDX-License-Identifier: MIT */
/*
 * Sockets that were there before the monitor. What it knows of a socket lies in the socket's storage, which it begins when the
 * socket is created; but storage can be given to any socket of which one holds a descriptor, and pidfd_getfd(2) gives us one. From
 * then on the socket is like every other: its accepted children inherit, its end is told. Who made it, and when, is not known.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/watch/model/model.h"

static int option_of(int socket, int option)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(socket, SOL_SOCKET, option, &value, &len) ? 0 : value;
}

typedef int (*name_fn)(int socket, struct sockaddr *address, socklen_t *len);

static void read_name(int socket, name_fn name, struct berth_ip *ret_ip, uint16_t *ret_port)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (name(socket, (struct sockaddr *)&address, &len))
		return;
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&address;

		*ret_ip = (struct berth_ip){ { 0, 0, htonl(0xffff), in->sin_addr.s_addr } };
		*ret_port = ntohs(in->sin_port);
	} else if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&address;

		memcpy(ret_ip, &in->sin6_addr, sizeof(*ret_ip));
		*ret_port = ntohs(in->sin6_port);
	}
}

/* Return: false if it is neither TCP nor UDP. */
static bool describe(int socket, struct monitor_note *note)
{
	int family = option_of(socket, SO_DOMAIN), protocol = option_of(socket, SO_PROTOCOL);
	socklen_t len = sizeof(note->cookie);

	if ((family != AF_INET && family != AF_INET6) ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
		return false;
	note->family = (uint8_t)family;
	note->proto = protocol == IPPROTO_UDP ? BERTH_UDP : BERTH_TCP;
	note->listening = option_of(socket, SO_ACCEPTCONN) != 0;
	(void)getsockopt(socket, SOL_SOCKET, SO_COOKIE, &note->cookie, &len);
	read_name(socket, getsockname, &note->local, &note->local_port);
	read_name(socket, getpeername, &note->remote, &note->remote_port);
	note->bound = note->local_port && !note->remote_port;
	return true;
}

struct adoption {
	struct watch *watch;
	unsigned int worker;
	int pidfd;
	char comm[BERTH_COMM];
};

static void tell(const struct adoption *adoption, const struct monitor_note *note)
{
	struct berth_event event = { .tag = BERTH_EVENT_ADOPTED,
		                     .version = BERTH_EVENT_VERSION,
		                     .source = BERTH_SOURCE_BPF,
		                     .size = BERTH_EVENT_HEAD,
		                     .time_ns = (uint64_t)clock_ns(),
		                     .cookie = note->cookie,
		                     .worker = note->worker,
		                     .pid = note->pid,
		                     .local_port = note->local_port,
		                     .remote_port = note->remote_port,
		                     .family = note->family,
		                     .proto = note->proto,
		                     .count = note->listening,
		                     .local = note->local,
		                     .remote = note->remote };

	memcpy(event.comm, note->comm, sizeof(event.comm));
	model_event(adoption->watch, &event);
}

static void on_socket(void *arg, pid_t pid, int fd, uint64_t inode)
{
	const struct adoption *adoption = arg;
	struct monitor_note note = { .worker = adoption->worker, .pid = (uint32_t)pid };
	cleanup_close int socket = (int)syscall(SYS_pidfd_getfd, adoption->pidfd, fd, 0);

	(void)inode;
	if (socket < 0 || !describe(socket, &note))
		return;
	memcpy(note.comm, adoption->comm, sizeof(note.comm));
	/* else it is another's as well, and has been told */
	if (!monitor_adopt(adoption->watch->monitor, socket, &note))
		tell(adoption, &note);
}

int watch_process_add(struct watch *watch, unsigned int number, pid_t pid)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct adoption adoption = { .watch = watch, .worker = number, .pidfd = pidfd };
	struct proc_stat stat;
	int ret;

	if (!watch->monitor)
		return -ENOTSUP;
	if (pidfd < 0)
		return -errno;
	ret = monitor_process_add(watch->monitor, number, pid);
	if (ret)
		return ret;
	if (!proc_read_stat(pid, &stat))
		memcpy(adoption.comm, stat.comm, sizeof(adoption.comm));
	(void)proc_each_socket(pid, on_socket, &adoption);
	return 0;
}
