/* SPDX-License-Identifier: MIT */
/*
 * The preload backend: the environment is all it needs. The shim rewrites addresses in the suite's
 * own processes and keeps these variables alive across exec (core/env.def).
 *
 * Programs that the shim cannot enter run under the seccomp filter, if the kernel allows one: the
 * exec hook starts them through berth-launch, which meets the supervisor at BERTH_LISTENER. Dynamic
 * programs have no filter, so that they keep their speed and their set-user-id children.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/launch.h"
#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/base/str.h"
#include "tools/isolate/backend.h"
#include "tools/isolate/probe.h"
#include "tools/isolate/seccomp/listener.h"

struct preload_backend {
	struct berth_portmap **maps;   /* by worker number - 1 */
	struct berth_portmap *entered; /* in a worker's first process: its map */
	struct listener *listener;     /* NULL = none */
	char *launcher, *listener_path;
};

static void close_backend(void *backend)
{
	struct preload_backend *preload = backend;

	if (!preload)
		return;
	listener_close(preload->listener);
	free(preload->launcher);
	free(preload->listener_path);
	free((void *)preload->maps);
	free(preload);
}

/* Open the seccomp listener. Return: NULL; or why there is none, to free(). */
static char *open_listener(struct preload_backend *preload, const struct isolate_setup *setup)
{
	int ret;

	preload->launcher = str_print("%s/lib/berth/berth-launch", setup->install_dir);
	preload->listener_path = str_print("%s/listener", setup->run_dir);
	if (!setup->loop)
		return NULL;
	/* with datagrams: few programs have this filter, and other programs pay nothing */
	ret = access(preload->launcher, X_OK)
	              ? -errno
	              : listener_open(setup->loop, setup->workers, true, &preload->listener);
	if (!ret)
		ret = listener_serve(preload->listener, preload->listener_path);
	if (!ret)
		return NULL;
	listener_close(steal(&preload->listener));
	return str_print("needs no privilege; static programs are only reported: %s",
	                 strerror(-ret));
}

static int open_backend(const struct isolate_setup *setup, void **ret_backend, char **ret_reason)
{
	struct preload_backend *preload = mem_alloc(sizeof(*preload));

	preload->maps = mem_alloc(setup->workers * sizeof(struct berth_portmap *));
	*ret_reason = open_listener(preload, setup);
	if (!*ret_reason)
		*ret_reason = str_copy(
			"needs no privilege; static programs run under the seccomp filter");
	*ret_backend = preload;
	return 0;
}

static int worker_begin(void *backend, const struct isolate_worker *worker)
{
	struct preload_backend *preload = backend;

	preload->maps[worker->number - 1] = worker->map;
	if (preload->listener)
		listener_worker_begin(preload->listener, worker->number, worker->map);
	return 0;
}

static void worker_environ(void *backend, char ***envp)
{
	const struct preload_backend *preload = backend;

	environ_set(envp, "BERTH_LAUNCHER", preload->listener ? preload->launcher : NULL);
	environ_set(envp, "BERTH_LISTENER", preload->listener ? preload->listener_path : NULL);
}

static int worker_enter(void *backend, unsigned int number)
{
	struct preload_backend *preload = backend;

	preload->entered = preload->maps[number - 1];
	return 0;
}

static void note_escape(struct berth_portmap *map, enum berth_elf_verdict verdict, const char *path)
{
	struct berth_note note;

	if (!map || !berth_launch_note(map, BERTH_NOTE_ESCAPE, (int)verdict, path, &note))
		return;
	note.pid = getpid();
	note.pid_inside = 1;
	berth_portmap_note(map, &note);
}

/* The worker's first program is executed by us, past the exec hooks of the shim: do as they do. */
static int worker_exec(void *arg, char **argv)
{
	const struct preload_backend *backend = arg;
	const char *launcher = backend->listener ? backend->launcher : NULL;
	cleanup_free char *path = probe_find(argv[0]);
	enum berth_elf_verdict verdict = path ? probe_chain(path) : BERTH_ELF_UNKNOWN;
	cleanup_free char **list = NULL;

	switch (berth_launch_decide(verdict, launcher)) {
	case BERTH_LAUNCH_FILTERED:
		list = mem_alloc((strv_len(argv) + BERTH_LAUNCH_ARGV_EXTRA) * sizeof(*list));
		berth_launch_argv(list, launcher, path, argv);
		execv(launcher, list);
		break; /* the launcher is missing: execute the program without it */
	case BERTH_LAUNCH_ESCAPES: note_escape(backend->entered, verdict, path); break;
	case BERTH_LAUNCH_PLAIN: break;
	}
	execvp(argv[0], argv);
	return -errno;
}

static int worker_exec_more(void *backend, unsigned int number, char **argv)
{
	(void)worker_enter(backend, number);
	return worker_exec(backend, argv);
}

static void worker_end(void *backend, unsigned int number)
{
	struct preload_backend *preload = backend;

	if (preload->listener)
		listener_worker_end(preload->listener, number);
}

const struct isolate_ops isolate_preload = {
	.name = "preload",
	.needs_shim = true,
	.open = open_backend,
	.worker_begin = worker_begin,
	.environ = worker_environ,
	.enter = worker_enter,
	.exec = worker_exec,
	.exec_more = worker_exec_more,
	.end = worker_end,
	.close = close_backend,
};
