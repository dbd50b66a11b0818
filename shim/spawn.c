/* SPDX-License-Identifier: MIT */
/*
 * posix_spawn(3), posix_spawnp(3): libc calls exec inside them, past every hook, so the environment is completed here.
 */
#include "shim/shim.h"

EXPORT int posix_spawn(pid_t *restrict pid, const char *restrict path,
		       const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attr,
		       char *const argv[restrict], char *const envp[restrict])
{
	struct shim_env plan = shim_env_plan(envp, shim_probe(AT_FDCWD, path));
	char *pointers[plan.pointers], text[plan.bytes];

	if (!shim_next.posix_spawn)
		return ENOSYS;
	return shim_next.posix_spawn(pid, path, actions, attr, argv, shim_env_fill(&plan, pointers, text));
}

EXPORT int posix_spawnp(pid_t *restrict pid, const char *restrict file,
			const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attr,
			char *const argv[restrict], char *const envp[restrict])
{
	struct shim_env plan = shim_env_plan(envp, shim_probe_in_path(file));
	char *pointers[plan.pointers], text[plan.bytes];

	if (!shim_next.posix_spawnp)
		return ENOSYS;
	return shim_next.posix_spawnp(pid, file, actions, attr, argv, shim_env_fill(&plan, pointers, text));
}
