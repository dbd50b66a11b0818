/* SPDX-License-Identifier: MIT */
/*
 * The preload backend: the environment is all it needs. The shim rewrites addresses in the suite's own
 * processes and keeps these variables alive across exec (core/env.def).
 *
 * Programs that the shim cannot enter run under the seccomp filter, if the kernel allows one: the exec
 * hook starts them through berth-launch, which meets the supervisor at BERTH_LISTENER. Dynamic programs
 * have no filter, so that they keep their speed and their set-user-id children.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/base/str.h"
#include "tools/isolate/backend.h"
#include "tools/isolate/exec_command.h"
#include "tools/isolate/seccomp/listener.h"
#include "tools/isolate/shim_env.h"

struct preload_backend {
	char *shim;       /* what LD_PRELOAD names */
	char **map_paths; /* by worker number - 1 */
	struct berth_portmap **maps;
	struct berth_portmap *entered; /* in a worker's first process: its map */
	unsigned int workers;
	struct listener *listener; /* NULL = none */
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
	for (unsigned int i = 0; i < preload->workers; i++)
		free(preload->map_paths[i]);
	free(preload->map_paths);
	free((void *)preload->maps);
	free(preload->shim);
	free(preload);
}

/* Open the listener. Return: NULL; or why there is none, free() it. */
static char *open_listener(struct preload_backend *preload, const struct isolate_setup *setup)
{
	int ret;

	preload->launcher = str_print("%s/lib/berth/berth-launch", setup->install_dir);
	preload->listener_path = str_print("%s/listener", setup->run_dir);
	if (!setup->loop)
		return NULL;
	/* Few programs are under this listener, and their data path is read and write: datagrams cost nobody else anything. */
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
	int ret;

	preload->workers = setup->workers;
	preload->map_paths = mem_alloc(setup->workers * sizeof(*preload->map_paths));
	preload->maps = mem_alloc(setup->workers * sizeof(struct berth_portmap *));
	ret = shim_env_find(setup, &preload->shim, ret_reason);
	if (ret) {
		close_backend(preload);
		return ret;
	}
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

	if (!worker->number || worker->number > preload->workers)
		return -EINVAL;
	free(preload->map_paths[worker->number - 1]);
	preload->map_paths[worker->number - 1] = str_copy(worker->map_path);
	preload->maps[worker->number - 1] = worker->map;
	if (preload->listener)
		listener_worker_begin(preload->listener, worker->number, worker->map);
	return 0;
}

static void worker_environ(void *backend, unsigned int number, char ***envp)
{
	const struct preload_backend *preload = backend;

	shim_env_set(envp, preload->shim, preload->map_paths[number - 1], false);
	environ_set(envp, "BERTH_LAUNCHER", preload->listener ? preload->launcher : NULL);
	environ_set(envp, "BERTH_LISTENER", preload->listener ? preload->listener_path : NULL);
}

static int worker_enter(void *backend, unsigned int number)
{
	struct preload_backend *preload = backend;

	preload->entered = preload->maps[number - 1];
	return 0;
}

static int worker_exec(void *backend, char **argv)
{
	const struct preload_backend *preload = backend;

	return isolate_exec_command(preload->entered, preload->listener ? preload->launcher : NULL,
	                            argv);
}

static void worker_end(void *backend, unsigned int number)
{
	struct preload_backend *preload = backend;

	if (preload->listener)
		listener_worker_end(preload->listener, number);
}

const struct isolate_ops isolate_preload = {
	.name = "preload",
	.open = open_backend,
	.worker_begin = worker_begin,
	.environ = worker_environ,
	.enter = worker_enter,
	.exec = worker_exec,
	.end = worker_end,
	.close = close_backend,
};
