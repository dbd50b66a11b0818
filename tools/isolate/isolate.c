/* SPDX-License-Identifier: MIT */
/*
 * Chooses a backend and passes calls on to it. A backend that is not built in has an empty row and
 * is reported so. `auto` takes the first that can be opened, in the order of the list below. To
 * open is to try: no version number is read.
 */
#include "tools/isolate/isolate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/isolate/backend.h"
#include "tools/isolate/shim_env.h"

const char *const isolate_backend_names[ISOLATE_BACKENDS + 1] = { "auto", "preload", "seccomp",
	                                                          "bpf",  "none",    NULL };

static const struct isolate_ops none = { .name = "none" };

static const struct isolate_ops *const backends[ISOLATE_BACKENDS] = {
	[ISOLATE_PRELOAD] = &isolate_preload,
	[ISOLATE_SECCOMP] = &isolate_seccomp,
#ifdef BERTH_HAVE_BPF /* bpf/build.mk: clang and bpftool were there */
	[ISOLATE_BPF] = &isolate_bpf,
#endif
	[ISOLATE_NONE] = &none,
};

/*
 * In this order; a single worker begins with the second. Attaching and detaching programs waits for
 * grace periods of the kernel, several times the rest of a worker's start
 * (docs/decisions/021-auto-backend.md).
 */
static const enum isolate_backend preferred[] = { ISOLATE_BPF, ISOLATE_PRELOAD };

struct isolate {
	enum isolate_backend chosen;
	const struct isolate_ops *ops;
	void *backend;
	char *shim; /* NULL: .no_shim says why it cannot be used */
	char *no_shim;
	char **map_paths; /* by worker number - 1 */
	unsigned int workers;
};

static int open_one(const struct isolate_setup *setup, enum isolate_backend requested,
                    struct isolate *isolate, char **ret_reason)
{
	isolate->chosen = requested;
	isolate->ops = backends[requested];
	if (!isolate->ops) {
		*ret_reason = str_print("backend '%s' is not part of this build",
		                        isolate_backend_names[requested]);
		return -ENOTSUP;
	}
	if (isolate->ops->needs_shim && !isolate->shim) {
		*ret_reason = str_copy(isolate->no_shim);
		return -ENOTSUP;
	}
	return isolate->ops->open ? isolate->ops->open(setup, &isolate->backend, ret_reason) : 0;
}

/* The first that can work; *ret_reason says what the ones before lack. */
static int open_auto(const struct isolate_setup *setup, struct isolate *isolate, char **ret_reason)
{
	struct str lacking = { 0 };
	int ret = -ENOTSUP;

	for (size_t i = setup->workers == 1; i < ARRAY_LEN(preferred) && ret; i++) {
		cleanup_free char *reason = NULL;

		ret = open_one(setup, preferred[i], isolate, &reason);
		if (!ret && reason)
			str_addf(&lacking, "%s%s", lacking.len ? "; " : "", reason);
		else if (ret)
			str_addf(&lacking, "%s%s: %s", lacking.len ? "; " : "",
			         isolate_backend_names[preferred[i]],
			         reason ? reason : strerror(-ret));
	}
	*ret_reason = str_take(&lacking);
	return ret;
}

int isolate_open(const struct isolate_setup *setup, struct isolate **ret_isolate, char **ret_reason)
{
	struct isolate *isolate = mem_alloc(sizeof(*isolate));
	int ret;

	*ret_reason = NULL;
	isolate->workers = setup->workers;
	isolate->map_paths = mem_alloc((setup->workers + 1) * sizeof(*isolate->map_paths));
	if (setup->requested != ISOLATE_NONE)
		(void)shim_env_find(setup, &isolate->shim, &isolate->no_shim);
	if (setup->requested == ISOLATE_AUTO)
		ret = open_auto(setup, isolate, ret_reason);
	else
		ret = open_one(setup, setup->requested, isolate, ret_reason);
	if (ret) {
		isolate_close(isolate);
		return ret;
	}
	if (!*ret_reason)
		*ret_reason = str_copy("as asked");
	*ret_isolate = isolate;
	return 0;
}

int isolate_probe(const struct isolate_setup *setup, char **ret_reason)
{
	struct isolate *isolate;
	int ret = isolate_open(setup, &isolate, ret_reason);

	if (!ret)
		isolate_close(isolate);
	return ret;
}

uint64_t isolate_lost(const struct isolate *isolate)
{
	return isolate->ops->lost ? isolate->ops->lost(isolate->backend) : 0;
}

void isolate_close(struct isolate *isolate)
{
	if (!isolate)
		return;
	if (isolate->backend)
		isolate->ops->close(isolate->backend);
	for (unsigned int i = 0; i < isolate->workers; i++)
		free(isolate->map_paths[i]);
	free(isolate->map_paths);
	free(isolate->shim);
	free(isolate->no_shim);
	free(isolate);
}

enum isolate_backend isolate_backend(const struct isolate *isolate)
{
	return isolate->chosen;
}

int isolate_worker_begin(struct isolate *isolate, const struct isolate_worker *worker)
{
	if (!worker->number || worker->number > isolate->workers)
		return -EINVAL;
	free(isolate->map_paths[worker->number - 1]);
	isolate->map_paths[worker->number - 1] = str_copy(worker->map_path);
	return isolate->ops->worker_begin ? isolate->ops->worker_begin(isolate->backend, worker)
	                                  : 0;
}

void isolate_worker_environ(struct isolate *isolate, unsigned int number, char ***envp)
{
	if (isolate->shim)
		shim_env_set(envp, isolate->shim, isolate->map_paths[number - 1],
		             isolate->ops->kernel_rewrites);
	if (isolate->ops->environ)
		isolate->ops->environ(isolate->backend, envp);
}

void isolate_server_environ(const struct isolate *isolate, const char *map_path, char ***envp)
{
	if (isolate->shim)
		shim_env_set(envp, isolate->shim, map_path, false);
}

int isolate_worker_enter(struct isolate *isolate, unsigned int number)
{
	return isolate->ops->enter ? isolate->ops->enter(isolate->backend, number) : 0;
}

int isolate_worker_exec(struct isolate *isolate, char **argv)
{
	if (isolate->ops->exec)
		return isolate->ops->exec(isolate->backend, argv);
	execvp(argv[0], argv);
	return -errno;
}

int isolate_worker_exec_more(struct isolate *isolate, unsigned int number, char **argv)
{
	if (isolate->ops->exec_more)
		return isolate->ops->exec_more(isolate->backend, number, argv);
	execvp(argv[0], argv);
	return -errno;
}

int isolate_worker_started(struct isolate *isolate, unsigned int number, pid_t pid)
{
	return isolate->ops->started ? isolate->ops->started(isolate->backend, number, pid) : 0;
}

void isolate_worker_end(struct isolate *isolate, unsigned int number)
{
	if (isolate->ops->end)
		isolate->ops->end(isolate->backend, number);
}
