/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation. Every listener hangs in the supervisor's loop; a readable one has a notification, which is answered
 * at once (seccomp_act.c waits for nothing). A listener hangs up when the last process behind it is gone.
 *
 * A listener comes over as a number: the process that installed the filter says which descriptor it is, and pidfd_getfd(2)
 * takes it from there. No message with rights is sent, because sending messages is what the filter may trap.
 *
 * Laws: a listener is closed last and on purpose; the moment it is closed, whoever still runs behind it gets ENOSYS for the
 * trapped calls (so nobody ever waits for a supervisor that is gone). One notification of each listener is answered per turn of
 * the loop, so that a storm in one worker does not starve the rest.
 */
#include "tools/isolate/net.h"

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
#include "tools/process/proc_stat.h"
#include "tools/base/str.h"
#include "tools/isolate/seccomp_act.h"
#include "tools/isolate/seccomp_filter.h"

/* Linux 6.6: the answer wakes the target on this processor, at once */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#endif

enum { BACKLOG = 128, LOOK_MS = 20, DEPTH_MOST = 1024 };

/* of one filter */
struct listener {
	struct listener *next;
	struct net *net;
	unsigned int number;
	int fd;
};

/* a call that waits for something to receive */
struct waiting {
	struct waiting *next;
	struct listener *listener;
	struct seccomp_notif request;
	struct notify_wait wait;
};

/* a launcher that is being received */
struct guest {
	struct guest *next;
	struct net *net;
	unsigned int number; /* 0 = has not said hello */
	pid_t pid;
	int fd;
};

struct net {
	struct loop *loop;
	struct seccomp_filter filter;
	struct listener *listeners;
	struct guest *guests;
	struct waiting *waiting;
	struct loop_timer *look;       /* after those that wait; NULL if nobody does */
	struct notify_worker *workers; /* by number - 1; .map is NULL outside its life */
	unsigned int count;
	int server; /* -1 = none */
	char *path;
	struct seccomp_notif *request; /* as large as the kernel's */
	struct seccomp_notif_resp *answer;
	struct seccomp_notif_sizes sizes;
};

/* --- listeners ---------------------------------------------------------------------------------------------------- */

static void waiting_free(struct net *net, struct waiting *waiting)
{
	struct waiting **at = &net->waiting;

	while (*at != waiting)
		at = &(*at)->next;
	*at = waiting->next;
	if (waiting->wait.fd >= 0) {
		loop_remove(net->loop, waiting->wait.fd);
		close(waiting->wait.fd);
	}
	free(waiting);
}

static void listener_close(struct listener *listener)
{
	struct listener **at = &listener->net->listeners;

	for (struct waiting *waiting = listener->net->waiting, *next; waiting; waiting = next) {
		next = waiting->next;
		if (waiting->listener == listener)
			waiting_free(listener->net, waiting);
	}
	while (*at != listener)
		at = &(*at)->next;
	*at = listener->next;
	loop_remove(listener->net->loop, listener->fd);
	close(listener->fd);
	free(listener);
}

static void on_something_to_receive(void *arg, int fd, uint32_t events)
{
	struct waiting *waiting = arg;
	struct listener *listener = waiting->listener;
	struct net *net = listener->net;

	(void)events;
	loop_remove(net->loop, fd);
	memset(net->answer, 0, net->sizes.seccomp_notif_resp);
	if (!notify_answer(listener->fd, &net->workers[listener->number - 1], &waiting->request,
	                   net->answer, &waiting->wait) &&
	    !loop_add(net->loop, waiting->wait.fd, EPOLLIN, on_something_to_receive, waiting))
		return;
	waiting_free(net, waiting);
}

static void on_look(void *arg)
{
	struct net *net = arg;

	net->look = NULL;
	for (struct waiting *waiting = net->waiting, *next; waiting; waiting = next) {
		next = waiting->next;
		memset(net->answer, 0, net->sizes.seccomp_notif_resp);
		if (notify_wait_ends(waiting->listener->fd, &waiting->request, net->answer,
		                     &waiting->wait))
			waiting_free(net, waiting);
	}
	if (net->waiting)
		net->look = loop_after(net->loop, LOOK_MS, on_look, net);
}

static void wait_for(struct listener *listener, const struct notify_wait *wait)
{
	struct net *net = listener->net;
	struct waiting *waiting = mem_alloc(sizeof(*waiting));

	*waiting = (struct waiting){
		.next = net->waiting, .listener = listener, .request = *net->request, .wait = *wait
	};
	net->waiting = waiting;
	loop_add(net->loop, wait->fd, EPOLLIN, on_something_to_receive, waiting);
	if (!net->look)
		net->look = loop_after(net->loop, LOOK_MS, on_look, net);
}

/*
 * Readable means that there is one to be received, and nobody else receives it: that this waits for the next one, because its
 * caller has been killed meanwhile, cannot happen. The kernel counts requests, not callers that live, and says ENOENT then.
 */
static void answer_one(struct listener *listener)
{
	struct net *net = listener->net;
	struct notify_wait wait = { .fd = -1 };

	memset(net->request, 0, net->sizes.seccomp_notif); /* the kernel insists */
	memset(net->answer, 0, net->sizes.seccomp_notif_resp);
	if (ioctl(listener->fd, SECCOMP_IOCTL_NOTIF_RECV, net->request))
		return;
	if (!notify_answer(listener->fd, &net->workers[listener->number - 1], net->request,
	                   net->answer, &wait))
		wait_for(listener, &wait);
}

static void on_notification(void *arg, int fd, uint32_t events)
{
	(void)fd;
	if (events & EPOLLIN)
		answer_one(arg);
	else if (events & (EPOLLHUP | EPOLLERR))
		listener_close(arg);
}

/* Take a listener over. Return: 0, and @fd is ours; -errno. */
static int adopt(struct net *net, unsigned int number, int fd)
{
	struct listener *listener;
	int ret;

	if (!number || number > net->count || !net->workers[number - 1].map)
		return -EINVAL;
	/* as well as can be */
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	listener = mem_alloc(sizeof(*listener));
	*listener = (struct listener){
		.next = net->listeners, .net = net, .number = number, .fd = fd
	};
	ret = loop_add(net->loop, fd, EPOLLIN, on_notification, listener);
	if (ret) {
		free(listener);
		return ret;
	}
	net->listeners = listener;
	return 0;
}

static int adopt_from(struct net *net, unsigned int number, pid_t pid, int their_fd)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	cleanup_close int fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, their_fd, 0);
	int ret = fd < 0 ? -errno : adopt(net, number, fd);

	if (!ret)
		steal_fd(&fd);
	return ret;
}

/* --- the worker's first process ----------------------------------------------------------------------------------- */

int net_enter(const struct net *net, int channel)
{
	struct net_listener_is message = { .fd = seccomp_filter_install(&net->filter) };
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
	return got != 1 ? -EPIPE : go == NET_GO ? 0 : -EPERM;
}

/* Wait for a word or for the end of who should say it: others may hold copies of the channel, and no end would show there. */
static int wait_for_word(int channel, pid_t pid)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pollers[2] = { { .fd = channel, .events = POLLIN },
		                     { .fd = pidfd, .events = POLLIN } };
	int ready;

	do
		ready = poll(pollers, 2, NET_DEADLINE_MS);
	while (ready < 0 && errno == EINTR);
	return ready < 0 ? -errno : ready ? 0 : -ETIMEDOUT;
}

static void answer_word(int channel, char word)
{
	send(channel, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int net_receive(struct net *net, unsigned int number, int channel, pid_t pid)
{
	struct net_listener_is message;
	int ret = wait_for_word(channel, pid);

	if (ret)
		return ret;
	if (recv(channel, &message, sizeof(message), MSG_DONTWAIT) != sizeof(message) ||
	    message.fd < 0)
		return 0; /* it gave up or died: its exit status will say it */
	ret = adopt_from(net, number, pid, message.fd);
	answer_word(channel, ret ? NET_NO : NET_GO);
	return ret;
}

/* --- launchers ---------------------------------------------------------------------------------------------------- */

static void guest_close(struct guest *guest)
{
	struct guest **at = &guest->net->guests;

	while (*at != guest)
		at = &(*at)->next;
	*at = guest->next;
	loop_remove(guest->net->loop, guest->fd);
	close(guest->fd);
	free(guest);
}

static int greet(struct guest *guest)
{
	const struct net *net = guest->net;
	size_t size = net->filter.len * sizeof(*net->filter.code);
	struct net_hello hello;

	if (recv(guest->fd, &hello, sizeof(hello), MSG_DONTWAIT) != sizeof(hello) ||
	    hello.magic != NET_MAGIC || !hello.worker || hello.worker > net->count ||
	    !net->workers[hello.worker - 1].map)
		return -EPROTO;
	guest->number = hello.worker;
	return send(guest->fd, net->filter.code, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size
	               ? 0
	               : -errno;
}

static int seat(struct guest *guest)
{
	struct net_listener_is message;
	int ret;

	if (recv(guest->fd, &message, sizeof(message), MSG_DONTWAIT) != sizeof(message) ||
	    message.fd < 0)
		return -EPROTO;
	ret = adopt_from(guest->net, guest->number, guest->pid, message.fd);
	answer_word(guest->fd, ret ? NET_NO : NET_GO);
	return ret;
}

static void on_guest(void *arg, int fd, uint32_t events)
{
	struct guest *guest = arg;
	bool greeting = !guest->number;
	int ret = -EPIPE;

	(void)fd;
	if (events & EPOLLIN)
		ret = greeting ? greet(guest) : seat(guest);
	if (ret || !greeting)
		guest_close(
			guest); /* a launcher that sees the end without its byte runs the program all the same */
}

/* Root's socket can be connected to by everybody, and its path is no secret (/proc/net/unix). */
static bool is_of_the_run(pid_t pid)
{
	struct proc_stat stat;

	for (int depth = 0; depth < DEPTH_MOST && !proc_read_stat(pid, &stat); depth++) {
		if (stat.ppid == getpid())
			return true;
		pid = stat.ppid;
	}
	return false;
}

static void on_server(void *arg, int fd, uint32_t events)
{
	struct net *net = arg;
	int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	struct guest *guest;

	(void)events;
	if (accepted < 0)
		return;
	/* Who hands us a listener has us act for it, as who we are; root's runs may have workers of other users. */
	if (getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
	    (peer.uid != geteuid() && geteuid()) || !is_of_the_run(peer.pid)) {
		close(accepted);
		return;
	}
	guest = mem_alloc(sizeof(*guest));
	*guest = (struct guest){ .next = net->guests, .net = net, .pid = peer.pid, .fd = accepted };
	if (loop_add(net->loop, accepted, EPOLLIN, on_guest, guest)) {
		close(accepted);
		free(guest);
		return;
	}
	net->guests = guest;
}

int net_serve(struct net *net, const char *path)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int ret;

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) || listen(fd, BACKLOG))
		return -errno;
	net->path = str_copy(path);
	if (!geteuid())
		chmod(path, 0666); /* a program that has given root up connects too */
	ret = loop_add(net->loop, fd, EPOLLIN, on_server, net);
	if (!ret)
		net->server = steal_fd(&fd);
	return ret;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

int net_open(struct loop *loop, unsigned int workers, bool datagrams, struct net **ret_net)
{
	struct net *net = mem_alloc(sizeof(*net));
	int ret;

	net->loop = loop;
	net->server = -1;
	net->count = workers;
	net->workers = mem_alloc((workers + 1) * sizeof(*net->workers));
	*ret_net = net;
	ret = syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &net->sizes) ? -errno : 0;
	if (net->sizes.seccomp_notif < sizeof(*net->request))
		net->sizes.seccomp_notif = sizeof(*net->request);
	if (net->sizes.seccomp_notif_resp < sizeof(*net->answer))
		net->sizes.seccomp_notif_resp = sizeof(*net->answer);
	net->request = mem_alloc(net->sizes.seccomp_notif);
	net->answer = mem_alloc(net->sizes.seccomp_notif_resp);
	if (!ret)
		ret = seccomp_filter_build(datagrams, &net->filter);
	if (ret)
		net_close(steal(ret_net));
	return ret;
}

void net_worker_begin(struct net *net, unsigned int number, struct berth_portmap *map)
{
	struct notify_worker *worker = &net->workers[number - 1];

	*worker = (struct notify_worker){ .map = map,
		                          .block_base = map->block_base,
		                          .block_len = map->block_len };
	memcpy(worker->unix_rules, map->unix_rules, sizeof(worker->unix_rules));
}

void net_worker_end(struct net *net, unsigned int number)
{
	for (struct listener *listener = net->listeners, *next; listener; listener = next) {
		next = listener->next;
		if (listener->number == number)
			listener_close(listener);
	}
	target_forget(&net->workers[number - 1].last);
	net->workers[number - 1] = (struct notify_worker){ 0 };
}

void net_close(struct net *net)
{
	if (!net)
		return;
	if (net->server >= 0) {
		loop_remove(net->loop, net->server);
		close(net->server);
		unlink(net->path);
	}
	while (net->guests)
		guest_close(net->guests);
	while (net->listeners)
		listener_close(net->listeners);
	loop_cancel(net->loop, net->look);
	for (unsigned int i = 0; i < net->count; i++)
		target_forget(&net->workers[i].last);
	free(net->filter.code);
	free(net->request);
	free(net->answer);
	free(net->workers);
	free(net->path);
	free(net);
}
