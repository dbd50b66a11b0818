/* SPDX-License-Identifier: MIT */
/*
 * The preload backend: the environment is all it needs. The shim does the work in the suite's own processes and keeps
 * these variables alive across exec (core/env.def).
 *
 * LD_PRELOAD is a list with spaces and colons between its items and no way to quote them, ld.so(8). A shim whose path
 * has one is named by a symbolic link in the run's directory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/base/str.h"
#include "tools/isolate/backend.h"

struct preload {
	char *shim;		/* what LD_PRELOAD names */
	char **map_paths;	/* by worker number - 1 */
	unsigned int workers;
};

static char *shim_path(const struct isolate_setup *setup)
{
	return str_print("%s/lib/berth/libberth.so", setup->install_dir);
}

static bool can_be_preloaded(const char *path)
{
	return !strpbrk(path, ": \t\n");
}

/* The path of the shim in a form that LD_PRELOAD can hold. Return: 0; -errno. */
static int nameable(const struct isolate_setup *setup, char **ret_path)
{
	cleanup_free char *shim = shim_path(setup);
	cleanup_free char *link = NULL;

	if (can_be_preloaded(shim)) {
		*ret_path = steal(&shim);
		return 0;
	}
	link = str_print("%s/libberth.so", setup->run_dir);
	if (!can_be_preloaded(link))
		return -EINVAL;
	if (symlink(shim, link) && errno != EEXIST)
		return -errno;
	*ret_path = steal(&link);
	return 0;
}

static void close_backend(void *backend)
{
	struct preload *preload = backend;

	if (!preload)
		return;
	for (unsigned int i = 0; i < preload->workers; i++)
		free(preload->map_paths[i]);
	free(preload->map_paths);
	free(preload->shim);
	free(preload);
}

static int open_backend(const struct isolate_setup *setup, void **ret_backend, char **ret_reason)
{
	struct preload *preload = mem_alloc(sizeof(*preload));
	int ret;

	preload->workers = setup->workers;
	preload->map_paths = mem_alloc(setup->workers * sizeof(*preload->map_paths));
	ret = nameable(setup, &preload->shim);
	if (ret) {
		cleanup_free char *shim = shim_path(setup);

		*ret_reason = str_print("the shim '%s' cannot be used: %s", shim, strerror(-ret));
		close_backend(preload);
		return -ENOTSUP;
	}
	*ret_reason = str_copy("needs no privilege");
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
	return 0;
}

static bool same_item(const char *item, size_t len, const char *path)
{
	return path && strlen(path) == len && !memcmp(item, path, len);
}

/* The user's own preloads first (a sanitizer's must be), ours last; an outer run's shim is left out. */
static char *preload_list(const struct preload *preload, char *const *envp)
{
	const char *list = environ_get(envp, "LD_PRELOAD");
	const char *outer = environ_get(envp, "BERTH_SHIM");
	struct str text = { 0 };

	while (list && *list) {
		size_t len = strcspn(list, ": ");

		if (len && !same_item(list, len, preload->shim) && !same_item(list, len, outer)) {
			str_add_len(&text, list, len);
			str_add(&text, ":");
		}
		list += len + (list[len] != 0);
	}
	str_add(&text, preload->shim);
	return str_take(&text);
}

/* A program linked to a shared AddressSanitizer insists on being first otherwise; shim/env.c keeps this alive. */
static char *asan_options(char *const *envp)
{
	const char *list = environ_get(envp, "ASAN_OPTIONS");

	if (list && strstr(list, "verify_asan_link_order="))
		return str_copy(list);
	return str_print("%s%sverify_asan_link_order=0", list ? list : "", list && *list ? ":" : "");
}

static void worker_environ(void *backend, unsigned int number, char ***envp)
{
	const struct preload *preload = backend;
	cleanup_free char *list = preload_list(preload, *envp);
	cleanup_free char *asan = asan_options(*envp);

	environ_set(envp, "LD_PRELOAD", list);
	environ_set(envp, "ASAN_OPTIONS", asan);
	environ_set(envp, "BERTH_MAP", preload->map_paths[number - 1]);
	environ_set(envp, "BERTH_SHIM", preload->shim);
	environ_set(envp, "BERTH_LAUNCHER", NULL);
}

const struct isolate_ops isolate_preload = {
	.name = "preload",
	.open = open_backend,
	.worker_begin = worker_begin,
	.environ = worker_environ,
	.close = close_backend,
};
