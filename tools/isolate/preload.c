/* SPDX-License-Identifier: MIT */
/*
 * The preload backend: the environment is all it needs. The shim does the work in the suite's own processes and keeps
 * these variables alive across exec (core/env.def). Where the kernel lets us, a net is spread for the programs that the shim
 * cannot enter: its exec hook starts them through berth-launch, which meets the supervisor at BERTH_NET. Only those programs
 * come under a filter, so that dynamic ones keep their speed and their setuid children.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/base/str.h"
#include "tools/isolate/backend.h"
#include "tools/isolate/first.h"
#include "tools/isolate/net.h"
#include "tools/isolate/shim_env.h"

struct preload {
	char *shim;       /* what LD_PRELOAD names */
	char **map_paths; /* by worker number - 1 */
	struct berth_portmap **maps;
	struct berth_portmap *entered; /* in a worker's first process: its map */
	unsigned int workers;
	struct net *net; /* NULL = none */
	char *launcher, *net_path;
};

static void close_backend(void *backend)
{
	struct preload *preload = backend;

	if (!preload)
		return;
	net_close(preload->net);
	free(preload->launcher);
	free(preload->net_path);
	for (unsigned int i = 0; i < preload->workers; i++)
		free(preload->map_paths[i]);
	free(preload->map_paths);
	free((void *)preload->maps);
	free(preload->shim);
	free(preload);
}

/* Spread the net. Return: NULL; or why there is none, free() it. */
static char *spread_net(struct preload *preload, const struct isolate_setup *setup)
{
	int ret;

	preload->launcher = str_print("%s/lib/berth/berth-launch", setup->install_dir);
	preload->net_path = str_print("%s/net", setup->run_dir);
	if (!setup->loop)
		return NULL;
	/* Few programs are under this net, and their data path is read and write: datagrams cost nobody else anything. */
	ret = access(preload->launcher, X_OK)
	              ? -errno
	              : net_open(setup->loop, setup->workers, true, &preload->net);
	if (!ret)
		ret = net_serve(preload->net, preload->net_path);
	if (!ret)
		return NULL;
	net_close(steal(&preload->net));
	return str_print("needs no privilege; static programs are only reported: %s",
	                 strerror(-ret));
}

static int open_backend(const struct isolate_setup *setup, void **ret_backend, char **ret_reason)
{
	struct preload *preload = mem_alloc(sizeof(*preload));
	int ret;

	preload->workers = setup->workers;
	preload->map_paths = mem_alloc(setup->workers * sizeof(*preload->map_paths));
	preload->maps = mem_alloc(setup->workers * sizeof(struct berth_portmap *));
	ret = shim_env_find(setup, &preload->shim, ret_reason);
	if (ret) {
		close_backend(preload);
		return ret;
	}
	*ret_reason = spread_net(preload, setup);
	if (!*ret_reason)
		*ret_reason = str_copy(
			"needs no privilege; static programs go through the seccomp net");
	*ret_backend = preload;
	return 0;
}

static int worker_begin(void *backend, const struct isolate_worker *worker)
{
	struct preload *preload = backend;

	if (!worker->number || worker->number > preload->workers)
		return -EINVAL;
	free(preload->map_paths[worker->number - 1]);
	preload->map_paths[worker->number - 1] = str_copy(worker->map_path);
	preload->maps[worker->number - 1] = worker->map;
	if (preload->net)
		net_worker_begin(preload->net, worker->number, worker->map);
	return 0;
}

static void worker_environ(void *backend, unsigned int number, char ***envp)
{
	const struct preload *preload = backend;

	shim_env_set(envp, preload->shim, preload->map_paths[number - 1], false);
	environ_set(envp, "BERTH_LAUNCHER", preload->net ? preload->launcher : NULL);
	environ_set(envp, "BERTH_NET", preload->net ? preload->net_path : NULL);
}

static int worker_enter(void *backend, unsigned int number)
{
	struct preload *preload = backend;

	preload->entered = preload->maps[number - 1];
	return 0;
}

static int worker_exec(void *backend, char **argv)
{
	const struct preload *preload = backend;

	return first_exec(preload->entered, preload->net ? preload->launcher : NULL, argv);
}

static void worker_end(void *backend, unsigned int number)
{
	struct preload *preload = backend;

	if (preload->net)
		net_worker_end(preload->net, number);
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
