/* SPDX-License-Identifier: MIT */
/*
 * One connection is one program (SOCK_SEQPACKET: a message is whole or not there). The client sends
 * one request with four descriptors, then signals. It receives what the worker init says.
 */
#include "tools/run/exec.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/base/unix.h"

static const char socket_name[] = "exec.sock";
enum { BACKLOG = 64 };

/* from the client: the first message is the request, all others are signals */
struct exec_order {
	uint32_t worker;
	int32_t signal;
	uint32_t detached;
};

struct exec_session {
	struct exec_session *next;
	struct exec_sessions *sessions;
	int fd;
	uint32_t id;
	unsigned int worker; /* 0 = it has not asked yet */
	bool detached;
};

struct exec_sessions {
	struct exec_setup setup;
	struct exec_session *list;
	uint32_t last_id;
	int listener;
};

static void session_free(struct exec_session *session)
{
	struct exec_session **at = &session->sessions->list;

	while (*at != session)
		at = &(*at)->next;
	*at = session->next;
	loop_remove(session->sessions->setup.loop, session->fd);
	close(session->fd);
	free(session);
}

static void session_end(struct exec_session *session, int error)
{
	const struct worker_init_message message = { .kind = INIT_FAILED,
		                                     .number = -error,
		                                     .text = "worker" };

	(void)send(session->fd, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
	session_free(session);
}

static void on_client_gone(struct exec_session *session)
{
	const struct exec_setup *setup = &session->sessions->setup;

	if (session->worker && !session->detached) {
		setup->signal(setup->arg, session->worker, session->id, SIGHUP);
		setup->signal(setup->arg, session->worker, session->id, SIGTERM);
		setup->signal(setup->arg, session->worker, session->id, SIGCONT);
	}
	session_free(session);
}

static void on_order(void *arg, int fd, uint32_t events)
{
	struct exec_session *session = arg;
	const struct exec_setup *setup = &session->sessions->setup;
	struct exec_order order;
	int fds[INIT_FDS];
	ssize_t got = unix_receive_fds(fd, &order, sizeof(order), fds, INIT_FDS);
	int ret = 0;

	(void)events;
	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got != sizeof(order)) {
		on_client_gone(session);
	} else if (session->worker) {
		setup->signal(setup->arg, session->worker, session->id, order.signal);
	} else {
		session->worker = order.worker;
		session->detached = order.detached;
		ret = fds[INIT_FDS - 1] < 0
		              ? -EPROTO
		              : setup->start(setup->arg, session->worker, session->id, fds);
	}
	for (int i = 0; got >= 0 && i < INIT_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (ret)
		session_end(session, ret);
}

static void on_connect(void *arg, int fd, uint32_t events)
{
	struct exec_sessions *sessions = arg;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct exec_session *session;

	(void)events;
	if (client < 0)
		return;
	session = mem_alloc(sizeof(*session));
	*session = (struct exec_session){ .next = sessions->list,
		                          .sessions = sessions,
		                          .fd = client,
		                          .id = ++sessions->last_id };
	sessions->list = session;
	if (!unix_is_ours(client))
		session_end(session, -EACCES);
	else if (loop_add(sessions->setup.loop, client, EPOLLIN, on_order, session))
		session_end(session, -ENOMEM);
}

int exec_open(const struct exec_setup *setup, struct exec_sessions **ret_sessions)
{
	cleanup_close int dir = -1,
			  fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int ret = fd < 0 ? -errno : unix_address(setup->run_dir, socket_name, &address, &dir);

	if (!ret && (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG)))
		ret = -errno;
	if (ret)
		return ret;
	*ret_sessions = mem_alloc(sizeof(**ret_sessions));
	**ret_sessions = (struct exec_sessions){ .setup = *setup, .listener = steal_fd(&fd) };
	return loop_add(setup->loop, (*ret_sessions)->listener, EPOLLIN, on_connect, *ret_sessions);
}

void exec_event(struct exec_sessions *sessions, const struct worker_init_message *message)
{
	struct exec_session *session = sessions ? sessions->list : NULL;

	while (session && session->id != message->id)
		session = session->next;
	if (!session)
		return;
	(void)send(session->fd, message, sizeof(*message), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (message->kind != INIT_STARTED)
		session_free(session);
}

void exec_close(struct exec_sessions *sessions)
{
	if (!sessions)
		return;
	while (sessions->list)
		session_free(sessions->list);
	loop_remove(sessions->setup.loop, sessions->listener);
	close(sessions->listener);
	free(sessions);
}

/* ---- the client ---- */

static int strings_in_memory(const struct exec_request *request)
{
	cleanup_str struct str text = { 0 };

	str_add_len(&text, request->cwd, strlen(request->cwd) + 1);
	str_add_len(&text, request->term, strlen(request->term) + 1);
	for (char *const *word = request->argv; *word; word++)
		str_add_len(&text, *word, strlen(*word) + 1);
	return file_in_memory(text.text, text.len);
}

int exec_ask(const char *run_dir, const struct exec_request *request)
{
	const struct exec_order order = { .worker = request->worker,
		                          .detached = request->detached };
	cleanup_close int dir = -1, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cleanup_close int strings = strings_in_memory(request);
	const int fds[INIT_FDS] = { request->streams[0], request->streams[1], request->streams[2],
		                    strings };
	struct sockaddr_un address;
	int ret = fd < 0        ? -errno
	          : strings < 0 ? strings
	                        : unix_address(run_dir, socket_name, &address, &dir);

	if (!ret && connect(fd, (struct sockaddr *)&address, sizeof(address)))
		ret = errno == ECONNREFUSED ? -ENOENT : -errno;
	if (!ret)
		ret = unix_send_fds(fd, &order, sizeof(order), fds, INIT_FDS);
	return ret ? ret : steal_fd(&fd);
}

void exec_signal(int connection, int number)
{
	const struct exec_order order = { .signal = number };

	(void)send(connection, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT);
}

int exec_receive(int connection, struct worker_init_message *ret_message)
{
	return worker_init_receive(connection, ret_message, NULL);
}
