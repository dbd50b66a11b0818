/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are older than the monitor. The monitor keeps its knowledge of a socket in the
 * socket's own storage, which it fills when the socket is created. User space can fill the storage
 * of any socket that it has a descriptor of, and pidfd_getfd(2) duplicates a descriptor of another
 * process. From then on the socket is like every other: accepted sockets inherit from it, and its
 * close is reported. Who made it, and when, stays unknown.
 */
#include "tools/watch/source/adopt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/process/proc.h"

struct adoption {
	struct monitor *monitor;
	unsigned int worker;
	int pidfd;
	char comm[BERTH_COMM];
	void (*on_event)(void *arg, const struct berth_event *event);
	void *arg;
};

static int read_option(int socket, int option)
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

/* Return: false if the socket is neither TCP nor UDP. */
static bool describe_socket(int socket, struct monitor_note *note)
{
	int family = read_option(socket, SO_DOMAIN), protocol = read_option(socket, SO_PROTOCOL);
	socklen_t len = sizeof(note->cookie);

	if ((family != AF_INET && family != AF_INET6) ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
		return false;
	note->family = (uint8_t)family;
	note->proto = protocol == IPPROTO_UDP ? BERTH_UDP : BERTH_TCP;
	note->listening = read_option(socket, SO_ACCEPTCONN) != 0;
	(void)getsockopt(socket, SOL_SOCKET, SO_COOKIE, &note->cookie, &len);
	read_name(socket, getsockname, &note->local, &note->local_port);
	read_name(socket, getpeername, &note->remote, &note->remote_port);
	note->bound = note->local_port && !note->remote_port;
	return true;
}

static void send_event(const struct adoption *adoption, const struct monitor_note *note)
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
	adoption->on_event(adoption->arg, &event);
}

static void on_socket(void *arg, pid_t pid, int fd, uint64_t inode)
{
	const struct adoption *adoption = arg;
	struct monitor_note note = { .worker = adoption->worker, .pid = (uint32_t)pid };
	cleanup_close int socket = (int)syscall(SYS_pidfd_getfd, adoption->pidfd, fd, 0);

	(void)inode;
	if (socket < 0 || !describe_socket(socket, &note))
		return;
	memcpy(note.comm, adoption->comm, sizeof(note.comm));
	/*
	 * it fails for a socket that another process shares and that was reported with that process
	 */
	if (!monitor_adopt(adoption->monitor, socket, &note))
		send_event(adoption, &note);
}

int adopt_process(struct monitor *monitor, unsigned int number, pid_t pid,
                  void (*on_event)(void *arg, const struct berth_event *event), void *arg)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct adoption adoption = { .monitor = monitor,
		                     .worker = number,
		                     .pidfd = pidfd,
		                     .on_event = on_event,
		                     .arg = arg };
	struct proc_stat stat;
	int ret;

	if (pidfd < 0)
		return -errno;
	ret = monitor_process_add(monitor, number, pid);
	if (ret)
		return ret;
	if (!proc_read_stat(pid, &stat))
		memcpy(adoption.comm, stat.comm, sizeof(adoption.comm));
	(void)proc_each_socket(pid, on_socket, &adoption);
	return 0;
}
