/* SPDX-License-Identifier: MIT */
/*
 * The seccomp backend: the worker's first process installs the seccomp filter before it becomes the
 * suite, and all that it starts inherits it. The shim is loaded only to show virtual ports in
 * /proc/net. Without privilege this takes no_new_privs, so that sudo and other set-user-id programs
 * do not work in the worker.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/launch.h"
#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/str.h"
#include "tools/isolate/backend.h"
#include "tools/isolate/probe.h"
#include "tools/isolate/seccomp/listener.h"

struct worker_channel {
	int ours, theirs; /* -1 = closed */
};

struct seccomp_backend {
	struct listener *listener;
	struct worker_channel *channels; /* by number - 1 */
	unsigned int count;
	char *launcher, *listener_path; /* for programs of `berth exec` */
};

static void channel_close(struct worker_channel *channel)
{
	if (channel->ours >= 0)
		close(channel->ours);
	if (channel->theirs >= 0)
		close(channel->theirs);
	channel->ours = channel->theirs = -1;
}

static void close_backend(void *arg)
{
	struct seccomp_backend *backend = arg;

	if (!backend)
		return;
	for (unsigned int i = 0; i < backend->count; i++)
		channel_close(&backend->channels[i]);
	listener_close(backend->listener);
	free(backend->launcher);
	free(backend->listener_path);
	free(backend->channels);
	free(backend);
}

static const struct {
	int error;
	const char *text;
} refusals[] = {
	{ EBUSY,
	  "another seccomp supervisor watches this process already, and there can be only one" },
	{ ENOSYS, "this kernel has no seccomp filters" },
	{ EINVAL, "this kernel has no seccomp user notification (Linux 5.5)" },
	{ EACCES, "a seccomp filter may not be installed here" },
	{ EPERM, "the supervisor may not read its own child processes here" },
};

static char *refusal(int error)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (refusals[i].error == error)
			return str_copy(refusals[i].text);
	return str_print("the seccomp listener cannot be set up: %s", strerror(error));
}

/* Let a child install a filter and bind: the notification must be answered. */
static int try_one(struct loop *loop)
{
	struct listener *listener = NULL;
	cleanup_free struct berth_portmap *map = mem_alloc(sizeof(*map));
	int pair[2], status = 0, ret = listener_open(loop, 1, false, &listener);
	int64_t due_ms = clock_ms() + LISTENER_DEADLINE_MS;
	pid_t pid;

	if (ret)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		ret = -errno;
		listener_close(listener);
		return ret;
	}
	berth_portmap_init(map, 1, 1, 1);
	listener_worker_begin(listener, 1, map);
	pid = fork();
	if (!pid) {
		close(pair[0]); /* or the child would not see the supervisor's end close */
		ret = listener_enter(listener, pair[1]);
		_exit(ret ? -ret : bind(-1, NULL, 0) && errno == EBADF ? 0 : ENOSYS);
	}
	close(pair[1]);
	ret = pid < 0 ? -errno : listener_receive(listener, 1, pair[0], pid);
	while (!ret && !waitpid(pid, &status, WNOHANG))
		ret = clock_ms() < due_ms ? loop_step(loop, 10) : -ETIMEDOUT;
	if (ret && pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	close(pair[0]);
	listener_close(listener);
	return ret ? ret : WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static int open_backend(const struct isolate_setup *setup, void **ret_backend, char **ret_reason)
{
	struct seccomp_backend *backend;
	struct loop *loop = NULL;
	int ret = loop_open(&loop);

	if (!ret)
		ret = try_one(loop);
	loop_close(loop);
	if (ret) {
		*ret_reason = refusal(-ret);
		return -ENOTSUP;
	}
	backend = mem_alloc(sizeof(*backend));
	backend->count = setup->workers;
	backend->channels = mem_alloc((setup->workers + 1) * sizeof(*backend->channels));
	for (unsigned int i = 0; i < setup->workers; i++)
		backend->channels[i] = (struct worker_channel){ .ours = -1, .theirs = -1 };
	backend->launcher = str_print("%s/lib/berth/berth-launch", setup->install_dir);
	backend->listener_path = str_print("%s/listener", setup->run_dir);
	ret = setup->loop ? listener_open(setup->loop, setup->workers, setup->datagrams,
	                                  &backend->listener)
	                  : 0;
	if (!ret && setup->loop)
		ret = listener_serve(backend->listener, backend->listener_path);
	if (ret) {
		close_backend(backend);
		return ret;
	}
	*ret_reason = str_copy("a filter was installed and answered");
	*ret_backend = backend;
	return 0;
}

static int worker_begin(void *arg, const struct isolate_worker *worker)
{
	struct seccomp_backend *backend = arg;
	struct worker_channel *channel;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	channel = &backend->channels[worker->number - 1];
	channel_close(channel);
	*channel = (struct worker_channel){ pair[0], pair[1] };
	listener_worker_begin(backend->listener, worker->number, worker->map);
	return 0;
}

static void worker_environ(void *arg, char ***envp)
{
	(void)arg;
	environ_set(envp, "BERTH_LAUNCHER", NULL); /* an outer run's */
	environ_set(envp, "BERTH_LISTENER", NULL);
}

static int worker_enter(void *arg, unsigned int number)
{
	struct seccomp_backend *backend = arg;
	struct worker_channel *channel = &backend->channels[number - 1];

	close(channel->ours); /* or this process would not see the supervisor's end close */
	return listener_enter(backend->listener, channel->theirs);
}

/* The launcher installs the filter: a child of the worker init inherits none. */
static int worker_exec_more(void *arg, unsigned int number, char **argv)
{
	const struct seccomp_backend *backend = arg;
	cleanup_free char *path = probe_find(argv[0]);
	cleanup_free char **list = mem_alloc((strv_len(argv) + BERTH_LAUNCH_ARGV_EXTRA) *
	                                     sizeof(*list));

	(void)number;
	if (!path)
		return -ENOENT;
	berth_launch_argv(list, backend->launcher, path, argv);
	environ_set(&environ, "BERTH_LISTENER", backend->listener_path);
	execv(backend->launcher, list);
	return -errno;
}

static int worker_started(void *arg, unsigned int number, pid_t pid)
{
	struct seccomp_backend *backend = arg;
	struct worker_channel *channel = &backend->channels[number - 1];
	int ret;

	close(steal_fd(&channel->theirs));
	ret = listener_receive(backend->listener, number, channel->ours, pid);
	channel_close(channel);
	return ret;
}

static void worker_end(void *arg, unsigned int number)
{
	struct seccomp_backend *backend = arg;

	channel_close(&backend->channels[number - 1]);
	listener_worker_end(backend->listener, number);
}

const struct isolate_ops isolate_seccomp = {
	.name = "seccomp",
	.kernel_rewrites = true,
	.open = open_backend,
	.worker_begin = worker_begin,
	.environ = worker_environ,
	.enter = worker_enter,
	.exec_more = worker_exec_more,
	.started = worker_started,
	.end = worker_end,
	.close = close_backend,
};
