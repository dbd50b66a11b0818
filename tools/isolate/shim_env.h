/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SHIM_ENV_H
#define BERTH_ISOLATE_SHIM_ENV_H
/*
 * The environment through which the shim enters a worker's programs. The other backends need it for
 * what the kernel has no hook for. First find, once; then set, for every worker.
 */
#include "tools/isolate/isolate.h"

/**
 * The path of the shim in a form that LD_PRELOAD can hold.
 * Return: 0, *ret_shim to free(); -ENOTSUP, *ret_reason says why it cannot be used.
 */
int shim_env_find(const struct isolate_setup *setup, char **ret_shim, char **ret_reason);

/**
 * Let the programs that are started with @envp load @shim, which reads the port map at @map_path.
 * @view	the kernel rewrites ports: the shim only moves Unix paths and rewrites /proc/net
 */
void shim_env_set(char ***envp, const char *shim, const char *map_path, bool view);

#endif
