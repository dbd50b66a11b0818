/* SPDX-License-Identifier: MIT */
/*
 * system(3), popen(3): libc starts the shell inside them, past every hook, with the environment of
 * the process. If that lacks what the shim hands on, the command gets it from the shell:
 *
 *	export LD_PRELOAD='...' BERTH_MAP='...'; exec /bin/sh -c 'COMMAND'
 */
#include "shim/shim.h"

extern char **environ;

#define EXPORT_WORD "export"
#define EXEC_WORDS  "; exec /bin/sh -c "

/* The bytes that add_quoted() writes. */
static size_t quoted_size(const char *text)
{
	size_t size = 2;

	for (; *text; text++)
		size += *text == '\'' ? 4 : 1;
	return size;
}

static char *add(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static char *add_quoted(char *to, const char *text)
{
	*to++ = '\'';
	for (; *text; text++)
		if (*text == '\'')
			to = add(to, "'\\''");
		else
			*to++ = *text;
	*to++ = '\'';
	return to;
}

static bool is_old(const char *entry)
{
	for (char **old = environ; *old; old++)
		if (*old == entry)
			return true;
	return false;
}

/* Return: the bytes of the command that brings @env's new entries along. */
static size_t command_size(char *const *env, const char *command)
{
	size_t size = sizeof(EXPORT_WORD EXEC_WORDS) + quoted_size(command);

	for (; *env; env++)
		if (!is_old(*env))
			size += 1 + quoted_size(*env);
	return size;
}

static const char *command_fill(char *text, char *const *env, const char *command)
{
	char *to = add(text, EXPORT_WORD);

	for (; *env; env++) {
		size_t name = 0;

		if (is_old(*env))
			continue;
		while ((*env)[name] != '=')
			name++;
		*to++ = ' ';
		__builtin_memcpy(to, *env, name + 1);
		to = add_quoted(to + name + 1, *env + name + 1);
	}
	to = add(to, EXEC_WORDS);
	*add_quoted(to, command) = 0;
	return text;
}

/* Declare `text`, the command to start instead of @command, in the enclosing block. */
#define COMPLETE_COMMAND(command) \
	enum berth_elf_verdict verdict = shim_probe(AT_FDCWD, "/bin/sh"); \
	struct shim_env plan = shim_env_plan(environ, verdict); \
	char *pointers[plan.pointers], bytes[plan.bytes]; \
	char *const *env = shim_env_fill(&plan, pointers, bytes); \
	shim_note_escape(verdict, "/bin/sh"); \
	char text[plan.as_is ? 1 : command_size(env, command)]; \
	if (!plan.as_is) \
	command = command_fill(text, env, command)

int system(const char *command); /* stdlib.h declares poisoned functions, too */

EXPORT int system(const char *command)
{
	if (!command || !environ)
		return SHIM_NEXT(system)(command);
	COMPLETE_COMMAND(command);
	return SHIM_NEXT(system)(command);
}

EXPORT FILE *popen(const char *command, const char *mode)
{
	if (!command || !environ)
		return SHIM_NEXT(popen)(command, mode);
	COMPLETE_COMMAND(command);
	return SHIM_NEXT(popen)(command, mode);
}
