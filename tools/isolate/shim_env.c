/* SPDX-License-Identifier: MIT */
/*
 * The environment through which the shim enters a worker's programs.
 *
 * LD_PRELOAD is a list with spaces and colons between its items, which cannot be quoted, ld.so(8).
 * If the shim's path has one, a symbolic link in the run's directory names it.
 */
#include "tools/isolate/shim_env.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/launch.h"
#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/base/str.h"

static char *installed(const struct isolate_setup *setup)
{
	return str_print("%s/lib/berth/libberth.so", setup->install_dir);
}

static bool can_be_preloaded(const char *path)
{
	return !strpbrk(path, ": \t\n");
}

/* Who can write the shim controls all suites: one that all users can write is not loaded. */
static int trusted(const char *shim)
{
	struct stat info;

	if (stat(shim, &info))
		return -errno;
	return info.st_mode & S_IWOTH ? -EPERM : 0;
}

/* The path of the shim in a form that LD_PRELOAD can hold. Return: 0; -errno. */
static int nameable(const struct isolate_setup *setup, char **ret_path)
{
	cleanup_free char *shim = installed(setup);
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

int shim_env_find(const struct isolate_setup *setup, char **ret_shim, char **ret_reason)
{
	cleanup_free char *shim = NULL;
	int ret = nameable(setup, &shim);

	if (!ret)
		ret = trusted(shim);
	if (ret) {
		cleanup_free char *path = installed(setup);

		*ret_reason = str_print("the shim '%s' cannot be used: %s", path,
		                        ret == -EPERM ? "all users can write it" : strerror(-ret));
		return -ENOTSUP;
	}
	*ret_shim = steal(&shim);
	return 0;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

void shim_env_set(char ***envp, const char *shim, const char *map_path, bool view)
{
	const char *list = or_empty(environ_get(*envp, "LD_PRELOAD"));
	const char *options = or_empty(environ_get(*envp, "ASAN_OPTIONS"));
	cleanup_free char *preload = mem_alloc(strlen(list) + strlen(shim) + 2);
	cleanup_free char *asan = mem_alloc(strlen(options) + sizeof(BERTH_ASAN_ITEM) + 1);

	/* the shim of an outer run is left out */
	berth_preload_write(preload, list, shim, environ_get(*envp, "BERTH_SHIM"), shim);
	environ_set(envp, "LD_PRELOAD", preload);
	if (!berth_asan_is_set(options)) {
		berth_asan_write(asan, options);
		environ_set(envp, "ASAN_OPTIONS", asan);
	}
	environ_set(envp, "BERTH_MAP", view ? NULL : map_path); /* perhaps an outer run's */
	environ_set(envp, "BERTH_VIEW", view ? map_path : NULL);
	environ_set(envp, "BERTH_SHIM", shim);
	environ_set(envp, "PROC_NET_TCP", "/proc/net/tcp");
	environ_set(envp, "PROC_NET_UDP", "/proc/net/udp");
}
