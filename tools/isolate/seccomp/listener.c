/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation. Every notification descriptor is in the supervisor's loop. A readable one
 * has a notification, which is answered at once (answer.c waits for nothing). It hangs up when the
 * last process behind it is gone.
 *
 * A notification descriptor is handed over as a number: the process that has installed the filter
 * sends its number, and pidfd_getfd(2) takes it from there. No message with SCM_RIGHTS is used,
 * because the filter may trap sendmsg(2).
 *
 * When a notification descriptor is closed, the trapped calls of the processes behind it fail with
 * ENOSYS: no process waits for a supervisor that is gone. One notification of each descriptor is
 * answered in a turn of the loop, so that a storm in one worker does not starve the others.
 */
#include "tools/isolate/seccomp/listener.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/process/procfs.h"
#include "tools/base/str.h"
#include "tools/isolate/seccomp/answer.h"
#include "tools/isolate/seccomp/filter.h"

/* Linux 6.6: an answer wakes the target at once, on this processor */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#endif

enum { BACKLOG = 128, CHECK_MS = 20, DEPTH_MAX = 1024 };

/* the notification descriptor of one filter */
struct notify_fd {
	struct notify_fd *next;
	struct listener *listener;
	unsigned int number;
	int fd;
};

/* a call that waits for something to receive */
struct pending_call {
	struct pending_call *next;
	struct notify_fd *notify_fd;
	struct seccomp_notif request;
	struct notify_wait wait;
};

/* a launcher that is connected */
struct launcher {
	struct launcher *next;
	struct listener *listener;
	unsigned int number; /* of its worker; 0 = it has not sent its hello */
	pid_t pid;
	int fd;
};

struct listener {
	struct loop *loop;
	struct seccomp_filter filter;
	struct notify_fd *notify_fds;
	struct launcher *launchers;
	struct pending_call *pending;
	struct loop_timer *check;      /* for pending calls; NULL if there are none */
	struct notify_worker *workers; /* by number - 1; .map is NULL outside its life */
	unsigned int count;
	int server; /* the socket for launchers; -1 = none */
	char *path;
	struct seccomp_notif *request; /* as large as the kernel's */
	struct seccomp_notif_resp *answer;
	struct seccomp_notif_sizes sizes;
};

/* --- notification descriptors ----------------------------------------------------------------- */

static void pending_free(struct listener *listener, struct pending_call *pending)
{
	struct pending_call **at = &listener->pending;

	while (*at != pending)
		at = &(*at)->next;
	*at = pending->next;
	if (pending->wait.fd >= 0) {
		loop_remove(listener->loop, pending->wait.fd);
		close(pending->wait.fd);
	}
	free(pending);
}

static void notify_fd_close(struct notify_fd *notify_fd)
{
	struct notify_fd **at = &notify_fd->listener->notify_fds;

	for (struct pending_call *pending = notify_fd->listener->pending, *next; pending;
	     pending = next) {
		next = pending->next;
		if (pending->notify_fd == notify_fd)
			pending_free(notify_fd->listener, pending);
	}
	while (*at != notify_fd)
		at = &(*at)->next;
	*at = notify_fd->next;
	loop_remove(notify_fd->listener->loop, notify_fd->fd);
	close(notify_fd->fd);
	free(notify_fd);
}

static void on_receivable(void *arg, int fd, uint32_t events)
{
	struct pending_call *pending = arg;
	struct notify_fd *notify_fd = pending->notify_fd;
	struct listener *listener = notify_fd->listener;

	(void)events;
	loop_remove(listener->loop, fd);
	memset(listener->answer, 0, listener->sizes.seccomp_notif_resp);
	if (!notify_answer(notify_fd->fd, &listener->workers[notify_fd->number - 1],
	                   &pending->request, listener->answer, &pending->wait) &&
	    !loop_add(listener->loop, pending->wait.fd, EPOLLIN, on_receivable, pending))
		return;
	pending_free(listener, pending);
}

static void on_check(void *arg)
{
	struct listener *listener = arg;

	listener->check = NULL;
	for (struct pending_call *pending = listener->pending, *next; pending; pending = next) {
		next = pending->next;
		memset(listener->answer, 0, listener->sizes.seccomp_notif_resp);
		if (notify_wait_ends(pending->notify_fd->fd, &pending->request, listener->answer,
		                     &pending->wait))
			pending_free(listener, pending);
	}
	if (listener->pending)
		listener->check = loop_after(listener->loop, CHECK_MS, on_check, listener);
}

static void pending_add(struct notify_fd *notify_fd, const struct notify_wait *wait)
{
	struct listener *listener = notify_fd->listener;
	struct pending_call *pending = mem_alloc(sizeof(*pending));

	*pending = (struct pending_call){ .next = listener->pending,
		                          .notify_fd = notify_fd,
		                          .request = *listener->request,
		                          .wait = *wait };
	listener->pending = pending;
	loop_add(listener->loop, wait->fd, EPOLLIN, on_receivable, pending);
	if (!listener->check)
		listener->check = loop_after(listener->loop, CHECK_MS, on_check, listener);
}

/*
 * A readable descriptor has a notification, and no one else receives it. So the ioctl does not
 * wait, not even if the caller has been killed meanwhile: the kernel fails with ENOENT then.
 */
static void answer_one(struct notify_fd *notify_fd)
{
	struct listener *listener = notify_fd->listener;
	struct notify_wait wait = { .fd = -1 };

	memset(listener->request, 0, listener->sizes.seccomp_notif); /* the kernel checks it */
	memset(listener->answer, 0, listener->sizes.seccomp_notif_resp);
	if (ioctl(notify_fd->fd, SECCOMP_IOCTL_NOTIF_RECV, listener->request))
		return;
	if (!notify_answer(notify_fd->fd, &listener->workers[notify_fd->number - 1],
	                   listener->request, listener->answer, &wait))
		pending_add(notify_fd, &wait);
}

static void on_notification(void *arg, int fd, uint32_t events)
{
	(void)fd;
	if (events & EPOLLIN)
		answer_one(arg);
	else if (events & (EPOLLHUP | EPOLLERR))
		notify_fd_close(arg);
}

/* Take over notification descriptor @their_fd of process @pid. Return: 0; -errno. */
static int adopt(struct listener *listener, unsigned int number, pid_t pid, int their_fd)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	cleanup_close int fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, their_fd, 0);
	struct notify_fd *notify_fd;
	int ret;

	if (fd < 0)
		return -errno;
	if (!number || number > listener->count || !listener->workers[number - 1].map)
		return -EINVAL;
	/* faster where the kernel has it */
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	notify_fd = mem_alloc(sizeof(*notify_fd));
	*notify_fd = (struct notify_fd){
		.next = listener->notify_fds, .listener = listener, .number = number, .fd = fd
	};
	ret = loop_add(listener->loop, fd, EPOLLIN, on_notification, notify_fd);
	if (ret) {
		free(notify_fd);
		return ret;
	}
	listener->notify_fds = notify_fd;
	steal_fd(&fd);
	return 0;
}

/*
 * Receive the number of the notification descriptor from process @pid, take it over, and reply.
 * Return: 0; -EPROTO if none came; -errno.
 */
static int take_offer(struct listener *listener, unsigned int number, int channel, pid_t pid)
{
	struct listener_offer offer;
	char reply;
	int ret;

	if (recv(channel, &offer, sizeof(offer), MSG_DONTWAIT) != sizeof(offer) || offer.fd < 0)
		return -EPROTO;
	ret = adopt(listener, number, pid, offer.fd);
	reply = ret ? LISTENER_NO : LISTENER_GO;
	send(channel, &reply, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	return ret;
}

/* --- the worker's first process --------------------------------------------------------------- */

int listener_enter(const struct listener *listener, int channel)
{
	struct listener_offer message = { .fd = seccomp_filter_install(&listener->filter) };
	char go = 0;
	ssize_t got;

	if (write(channel, &message, sizeof(message)) != sizeof(message))
		return -EPIPE;
	if (message.fd < 0)
		return message.fd;
	do
		got = read(channel, &go, 1);
	while (got < 0 && errno == EINTR);
	close(message.fd);
	return got != 1 ? -EPIPE : go == LISTENER_GO ? 0 : -EPERM;
}

/* Wait for a message or the end of @pid: copies of the channel in others would hide its end. */
static int wait_for_message(int channel, pid_t pid)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pollers[2] = { { .fd = channel, .events = POLLIN },
		                     { .fd = pidfd, .events = POLLIN } };
	int ready;

	do
		ready = poll(pollers, 2, LISTENER_DEADLINE_MS);
	while (ready < 0 && errno == EINTR);
	return ready < 0 ? -errno : ready ? 0 : -ETIMEDOUT;
}

int listener_receive(struct listener *listener, unsigned int number, int channel, pid_t pid)
{
	int ret = wait_for_message(channel, pid);

	if (!ret)
		ret = take_offer(listener, number, channel, pid);
	/* no offer: it gave up or died, which its exit status shows */
	return ret == -EPROTO ? 0 : ret;
}

/* --- launchers -------------------------------------------------------------------------------- */

static void launcher_close(struct launcher *launcher)
{
	struct launcher **at = &launcher->listener->launchers;

	while (*at != launcher)
		at = &(*at)->next;
	*at = launcher->next;
	loop_remove(launcher->listener->loop, launcher->fd);
	close(launcher->fd);
	free(launcher);
}

static int send_filter(struct launcher *launcher)
{
	const struct listener *listener = launcher->listener;
	size_t size = listener->filter.len * sizeof(*listener->filter.code);
	struct listener_hello hello;

	if (recv(launcher->fd, &hello, sizeof(hello), MSG_DONTWAIT) != sizeof(hello) ||
	    hello.magic != LISTENER_MAGIC || !hello.worker || hello.worker > listener->count ||
	    !listener->workers[hello.worker - 1].map)
		return -EPROTO;
	launcher->number = hello.worker;
	return send(launcher->fd, listener->filter.code, size, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	                       (ssize_t)size
	               ? 0
	               : -errno;
}

static void on_launcher(void *arg, int fd, uint32_t events)
{
	struct launcher *launcher = arg;
	bool is_hello = !launcher->number;
	int ret = -EPIPE;

	if (events & EPOLLIN)
		ret = is_hello
		              ? send_filter(launcher)
		              : take_offer(launcher->listener, launcher->number, fd, launcher->pid);
	if (ret || !is_hello)
		launcher_close(launcher); /* a launcher without its byte runs the program, too */
}

/* Serve descendants only: all users can connect to root's socket, whose path is public. */
static bool is_of_the_run(pid_t pid)
{
	struct proc_stat stat;

	for (int depth = 0; depth < DEPTH_MAX && !proc_read_stat(pid, &stat); depth++) {
		if (stat.ppid == getpid())
			return true;
		pid = stat.ppid;
	}
	return false;
}

static void on_connection(void *arg, int fd, uint32_t events)
{
	struct listener *listener = arg;
	int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	struct launcher *launcher;

	(void)events;
	if (accepted < 0)
		return;
	/*
	 * the supervisor acts for the peer with its own rights; root may run workers of other users
	 */
	if (getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
	    (peer.uid != geteuid() && geteuid()) || !is_of_the_run(peer.pid)) {
		close(accepted);
		return;
	}
	launcher = mem_alloc(sizeof(*launcher));
	*launcher = (struct launcher){
		.next = listener->launchers, .listener = listener, .pid = peer.pid, .fd = accepted
	};
	if (loop_add(listener->loop, accepted, EPOLLIN, on_launcher, launcher)) {
		close(accepted);
		free(launcher);
		return;
	}
	listener->launchers = launcher;
}

int listener_serve(struct listener *listener, const char *path)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int ret;

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) || listen(fd, BACKLOG))
		return -errno;
	listener->path = str_copy(path);
	if (!geteuid())
		chmod(path, 0666); /* for programs that have given up root */
	ret = loop_add(listener->loop, fd, EPOLLIN, on_connection, listener);
	if (!ret)
		listener->server = steal_fd(&fd);
	return ret;
}

/* --- life ------------------------------------------------------------------------------------- */

int listener_open(struct loop *loop, unsigned int workers, bool datagrams,
                  struct listener **ret_listener)
{
	struct listener *listener = mem_alloc(sizeof(*listener));
	int ret;

	listener->loop = loop;
	listener->server = -1;
	listener->count = workers;
	listener->workers = mem_alloc((workers + 1) * sizeof(*listener->workers));
	*ret_listener = listener;
	ret = syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &listener->sizes) ? -errno : 0;
	if (listener->sizes.seccomp_notif < sizeof(*listener->request))
		listener->sizes.seccomp_notif = sizeof(*listener->request);
	if (listener->sizes.seccomp_notif_resp < sizeof(*listener->answer))
		listener->sizes.seccomp_notif_resp = sizeof(*listener->answer);
	listener->request = mem_alloc(listener->sizes.seccomp_notif);
	listener->answer = mem_alloc(listener->sizes.seccomp_notif_resp);
	if (!ret)
		ret = seccomp_filter_build(datagrams, &listener->filter);
	if (ret)
		listener_close(steal(ret_listener));
	return ret;
}

void listener_worker_begin(struct listener *listener, unsigned int number,
                           struct berth_portmap *map)
{
	struct notify_worker *worker = &listener->workers[number - 1];

	*worker = (struct notify_worker){ .map = map,
		                          .block_base = map->block_base,
		                          .block_len = map->block_len };
	memcpy(worker->unix_rules, map->unix_rules, sizeof(worker->unix_rules));
}

void listener_worker_end(struct listener *listener, unsigned int number)
{
	for (struct notify_fd *notify_fd = listener->notify_fds, *next; notify_fd;
	     notify_fd = next) {
		next = notify_fd->next;
		if (notify_fd->number == number)
			notify_fd_close(notify_fd);
	}
	target_forget(&listener->workers[number - 1].last);
	listener->workers[number - 1] = (struct notify_worker){ 0 };
}

void listener_close(struct listener *listener)
{
	if (!listener)
		return;
	if (listener->server >= 0) {
		loop_remove(listener->loop, listener->server);
		close(listener->server);
		unlink(listener->path);
	}
	while (listener->launchers)
		launcher_close(listener->launchers);
	while (listener->notify_fds)
		notify_fd_close(listener->notify_fds);
	loop_cancel(listener->loop, listener->check);
	for (unsigned int i = 0; i < listener->count; i++)
		target_forget(&listener->workers[i].last);
	free(listener->filter.code);
	free(listener->request);
	free(listener->answer);
	free(listener->workers);
	free(listener->path);
	free(listener);
}
