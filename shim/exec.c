/* SPDX-License-Identifier: MIT */
/*
 * execve(2) and the exec(3) family: LD_PRELOAD and BERTH_* are handed on (shim/env.c), and what
 * would escape is started through the launcher (shim/launch.c). The functions that take the
 * environment from `environ` call those that take it as an argument.
 *
 * Every array is on the stack of the hook, because the caller may be the child of a vfork (rule 3).
 */
#include "shim/shim.h"

#include <limits.h>

extern char **environ;

/* Declare `NAME`, the environment to hand on, with its memory in the enclosing block. */
#define ENV_FOR(NAME, envp, verdict) \
	struct shim_env NAME##_plan = shim_env_plan(envp, verdict); \
	char *NAME##_pointers[NAME##_plan.pointers]; \
	char NAME##_text[NAME##_plan.bytes]; \
	char *const *NAME = shim_env_fill(&NAME##_plan, NAME##_pointers, NAME##_text)

/* Declare `NAME`, the arguments to hand on: the launcher's if there is one. */
#define ARGV_FOR(NAME, launcher, path, argv) \
	char *NAME##_list[shim_launch_size(launcher, argv)]; \
	char *const *NAME = shim_launch_fill(NAME##_list, launcher, path, argv)

static int next_execve(const char *path, char *const *argv, char *const *envp)
{
	if (!shim_next.execve)
		return (int)shim_result(sys(SYS_execve, path, argv, envp, 0, 0));
	return shim_next.execve(path, argv, envp);
}

static int launch(const char *launcher, const char *path, char *const *argv, char *const *envp)
{
	ARGV_FOR(list, launcher, path, argv);

	return next_execve(launcher, list, envp);
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	enum berth_elf_verdict verdict = shim_probe(AT_FDCWD, path);
	const char *launcher = shim_launcher(verdict, path);
	ENV_FOR(env, envp, verdict);

	if (launcher)
		launch(launcher, path, argv, env); /* if that fails, without it */
	return next_execve(path, argv, env);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	char path[PATH_MAX];
	enum berth_elf_verdict verdict = shim_probe_in_path(file, path);
	const char *launcher = shim_launcher(verdict, path);
	ENV_FOR(env, envp, verdict);

	if (launcher)
		launch(launcher, path, argv, env);
	return SHIM_NEXT(execvpe)(file, argv, env);
}

EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	enum berth_elf_verdict verdict = shim_probe(fd, NULL);
	ENV_FOR(env, envp, verdict);

	/* a descriptor cannot be handed to the launcher: it may close on exec */
	shim_note_escape(verdict, NULL);
	return SHIM_NEXT(fexecve)(fd, argv, env);
}

EXPORT int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	enum berth_elf_verdict verdict = shim_probe(dir, flags & AT_EMPTY_PATH ? NULL : path);
	ENV_FOR(env, envp, verdict);

	shim_note_escape(verdict, flags & AT_EMPTY_PATH ? NULL : path);
	if (!shim_next.execveat)
		return (int)shim_result(sys(SYS_execveat, dir, path, argv, env, flags));
	return shim_next.execveat(dir, path, argv, env, flags);
}

/* The l-forms: count, copy to the stack, go on as the v-form. */
#define COLLECT_ARGUMENTS(first, list) \
	size_t count = 1; \
	va_start(list, first); \
	while (va_arg(list, char *)) \
		count++; \
	va_end(list); \
	char *argv[count + 1]; \
	argv[0] = (char *)(uintptr_t)(first); \
	va_start(list, first); \
	for (size_t i = 1; i <= count; i++) \
	argv[i] = va_arg(list, char *)

EXPORT int execl(const char *path, const char *first, ...)
{
	va_list list;
	COLLECT_ARGUMENTS(first, list);

	va_end(list);
	return execve(path, argv, environ);
}

EXPORT int execlp(const char *file, const char *first, ...)
{
	va_list list;
	COLLECT_ARGUMENTS(first, list);

	va_end(list);
	return execvpe(file, argv, environ);
}

EXPORT int execle(const char *path, const char *first, ...)
{
	va_list list;
	char *const *envp;
	COLLECT_ARGUMENTS(first, list);

	envp = va_arg(list, char *const *);
	va_end(list);
	return execve(path, argv, envp);
}
