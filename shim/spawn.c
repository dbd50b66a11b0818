/* SPDX-License-Identifier: MIT */
/*
 * posix_spawn(3), posix_spawnp(3): libc calls exec inside them, past every hook. So the environment
 * is completed here, and what would escape is started through the launcher (shim/launch.c).
 */
#include "shim/shim.h"

#include <limits.h>

EXPORT int posix_spawn(pid_t *restrict pid, const char *restrict path,
                       const posix_spawn_file_actions_t *restrict actions,
                       const posix_spawnattr_t *restrict attr, char *const argv[restrict],
                       char *const envp[restrict])
{
	enum berth_elf_verdict verdict = shim_probe(AT_FDCWD, path);
	const char *launcher = shim_launcher(verdict, path);
	struct shim_env plan = shim_env_plan(envp, verdict);
	char *pointers[plan.pointers], text[plan.bytes], *list[shim_launch_size(launcher, argv)];

	return SHIM_NEXT(posix_spawn)(pid, launcher ? launcher : path, actions, attr,
	                              shim_launch_fill(list, launcher, path, argv),
	                              shim_env_fill(&plan, pointers, text));
}

EXPORT int posix_spawnp(pid_t *restrict pid, const char *restrict file,
                        const posix_spawn_file_actions_t *restrict actions,
                        const posix_spawnattr_t *restrict attr, char *const argv[restrict],
                        char *const envp[restrict])
{
	char path[PATH_MAX];
	enum berth_elf_verdict verdict = shim_probe_in_path(file, path);
	const char *launcher = shim_launcher(verdict, path);
	struct shim_env plan = shim_env_plan(envp, verdict);
	char *pointers[plan.pointers], text[plan.bytes], *list[shim_launch_size(launcher, argv)];

	return SHIM_NEXT(posix_spawnp)(pid, launcher ? launcher : file, actions, attr,
	                               shim_launch_fill(list, launcher, path, argv),
	                               shim_env_fill(&plan, pointers, text));
}
