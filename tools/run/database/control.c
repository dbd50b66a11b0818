/* SPDX-License-Identifier: MIT */
/*
 * One connection is one request (SOCK_SEQPACKET: a message is whole or not there). It stays open
 * until the request has been carried out; the client waits. If the client goes away, its request is
 * carried out all the same.
 */
#include "tools/run/database/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/abi.h"
#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/base/unix.h"

enum { REQUEST_MAX = 64, ANSWER_MAX = 1024, ANSWER_S = 120 };
static const char socket_name[] = "control.sock";

struct control_request {
	struct control_request *next;
	/* NULL: the run has ended, and on_done() frees the request */
	struct control *control;
	int fd;
	bool served;
};

struct control {
	struct control_setup setup;
	struct control_request *requests;
	int listener;
};

static void request_answer(struct control_request *request, const char *answer)
{
	struct control_request **at = &request->control->requests;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	loop_remove(request->control->setup.loop, request->fd);
	(void)send(request->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(request->fd);
	request->control = NULL;
}

static void request_end(struct control_request *request, const char *answer)
{
	request_answer(request, answer);
	free(request);
}

static void on_done(void *arg, int error, const char *text)
{
	struct control_request *request = arg;

	if (request->control)
		request_answer(request, !error ? "ok" : text ? text : strerror(-error));
	free(request);
}

/* The request @word, or NULL. */
static control_request_fn find_request(const struct control *control, const char *word)
{
	if (!strcmp(word, "reset"))
		return control->setup.reset;
	return !strcmp(word, "snapshot") ? control->setup.snapshot : NULL;
}

static void serve(struct control_request *request, control_request_fn begin, unsigned int worker,
                  const char *name)
{
	const struct control_setup *setup = &request->control->setup;
	cleanup_free char *refusal = NULL;
	int ret;

	request->served = true;
	ret = begin(setup->arg, worker, name, on_done, request);
	refusal = ret ? setup->refusal(name, ret) : NULL;
	if (ret)
		request_end(request, refusal);
}

static void on_request(void *arg, int fd, uint32_t events)
{
	struct control_request *request = arg;
	char text[REQUEST_MAX + 1];
	ssize_t len = recv(fd, text, REQUEST_MAX, MSG_DONTWAIT);
	char *number, *name = NULL;
	control_request_fn begin;
	long worker;

	(void)events;
	loop_remove(request->control->setup.loop, fd); /* one request for each connection */
	text[len > 0 ? len : 0] = '\0';
	number = strchr(text, ' ');
	if (number) {
		*number++ = '\0';
		name = strchr(number, ' ');
	}
	if (name)
		*name++ = '\0';
	begin = find_request(request->control, text);
	if (!begin || !number || str_number(number, 1, BERTH_WORKERS_MAX, &worker))
		request_end(request, "no request that this version knows");
	else
		serve(request, begin, (unsigned int)worker, name);
}

static void on_connect(void *arg, int fd, uint32_t events)
{
	struct control *control = arg;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control_request *request;

	(void)events;
	if (client < 0)
		return;
	request = mem_alloc(sizeof(*request));
	*request = (struct control_request){ .next = control->requests,
		                             .control = control,
		                             .fd = client };
	control->requests = request;
	if (!unix_is_ours(client))
		request_end(request, "only root and the run's own user may ask that");
	else if (loop_add(control->setup.loop, client, EPOLLIN, on_request, request))
		request_end(request, "out of memory");
}

int control_open(const struct control_setup *setup, struct control **ret_control)
{
	cleanup_close int dir = -1,
			  fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int ret = fd < 0 ? -errno : unix_address(setup->run_dir, socket_name, &address, &dir);

	if (!ret && (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64)))
		ret = -errno;
	if (ret)
		return ret;
	*ret_control = mem_alloc(sizeof(**ret_control));
	**ret_control = (struct control){ .setup = *setup, .listener = steal_fd(&fd) };
	return loop_add(setup->loop, (*ret_control)->listener, EPOLLIN, on_connect, *ret_control);
}

void control_close(struct control *control)
{
	if (!control)
		return;
	while (control->requests) {
		struct control_request *request = control->requests;

		request_answer(request, "the run has ended");
		if (!request->served)
			free(request);
	}
	loop_remove(control->setup.loop, control->listener);
	close(control->listener);
	free(control);
}

int control_ask(const char *run_dir, const char *word, unsigned int worker, const char *name,
                char **ret_text)
{
	cleanup_close int dir = -1, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cleanup_free char *request = str_print("%s %u%s%s", word, worker, name ? " " : "",
	                                       name ? name : "");
	struct timeval limit = { .tv_sec = ANSWER_S };
	char answer[ANSWER_MAX + 1];
	struct sockaddr_un address;
	ssize_t len;
	int ret = fd < 0 ? -errno : unix_address(run_dir, socket_name, &address, &dir);

	if (!ret && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	             connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	             send(fd, request, strlen(request), MSG_NOSIGNAL) < 0))
		ret = errno == ECONNREFUSED ? -ENOENT : -errno;
	if (ret)
		return ret;
	len = recv(fd, answer, ANSWER_MAX, 0);
	if (len <= 0)
		return len && (errno == EAGAIN || errno == EINTR) ? -ETIMEDOUT : -ENOENT;
	answer[len] = '\0';
	if (!strcmp(answer, "ok"))
		return 0;
	*ret_text = str_copy(answer);
	return -EPROTO;
}
