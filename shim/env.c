/* SPDX-License-Identifier: MIT */
/*
 * Keeping the shim alive across exec. A program that starts another with an environment of its own (env -i, a test
 * runner's sandbox, a cron-like wrapper) would lose LD_PRELOAD and BERTH_*, and its child would quietly use the host's
 * ports. So the exec hooks hand on what was there when this process began.
 *
 * The values are copied by the constructor: programs that set their title (PostgreSQL, nginx, sshd) write over the
 * memory that the kernel gave environ.
 */
#include "shim/shim.h"

enum { KEPT_BYTES = 6 * 1024 };

#define PRELOAD "LD_PRELOAD="

static const char *const names[] = {
#define ENV(name, kept, help) #name "=",
#include "core/env.def"
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static char kept_text[KEPT_BYTES];
static const char *kept[NAMES]; /* "BERTH_RUN=7f3a", or NULL; all NULL outside a worker */
static const char *shim_glibc, *shim_musl;
static bool in_worker;

static const char *find(char *const *envp, const char *prefix)
{
	for (; envp && *envp; envp++)
		if (shim_starts_with(*envp, prefix))
			return *envp;
	return NULL;
}

void shim_env_save(char *const *envp)
{
	size_t used = 0;

	for (int i = 0; i < NAMES; i++) {
		const char *entry = find(envp, names[i]);
		size_t size = entry ? shim_strlen(entry) + 1 : 0;

		if (!entry || size > KEPT_BYTES - used)
			continue;
		kept[i] = __builtin_memcpy(kept_text + used, entry, size);
		used += size;
		if (shim_starts_with(entry, "BERTH_MAP="))
			in_worker = true;
		if (shim_starts_with(entry, "BERTH_SHIM="))
			shim_glibc = kept[i] + sizeof("BERTH_SHIM=") - 1;
		if (shim_starts_with(entry, "BERTH_SHIM_MUSL="))
			shim_musl = kept[i] + sizeof("BERTH_SHIM_MUSL=") - 1;
	}
}

static const char *shim_for(enum berth_elf_verdict verdict)
{
	switch (verdict) {
	case BERTH_ELF_MUSL:
		return shim_musl;
	case BERTH_ELF_FOREIGN_CLASS: /* the loader would complain on stderr about a library of the wrong kind */
	case BERTH_ELF_FOREIGN_MACHINE:
	case BERTH_ELF_FOREIGN_LOADER:
		return NULL;
	default:
		return shim_glibc;
	}
}

/* Items of LD_PRELOAD are separated by colons or spaces, ld.so(8). */
static size_t item_len(const char *item)
{
	size_t len = 0;

	while (item[len] && item[len] != ':' && item[len] != ' ')
		len++;
	return len;
}

static bool item_is(const char *item, size_t len, const char *path)
{
	return path && shim_strlen(path) == len && shim_starts_with(item, path);
}

/* True if @list names the wanted build of the shim, and not the other one. */
static bool list_right(const char *list, const char *wanted)
{
	bool right = !wanted;

	while (*list) {
		size_t len = item_len(list);

		if (item_is(list, len, wanted))
			right = true;
		else if (item_is(list, len, shim_glibc) || item_is(list, len, shim_musl))
			return false;
		list += len + (list[len] != 0);
	}
	return right;
}

struct shim_env shim_env_plan(char *const *envp, enum berth_elf_verdict verdict)
{
	static char *const empty[] = { NULL };
	struct shim_env env = { .old = envp ? envp : empty, .pointers = 1, .bytes = 1, .as_is = true };
	const char *preload;
	size_t count = 0, missing = 0;

	if (!in_worker || (envp && !shim_readable(envp, sizeof(*envp))))
		return env;
	env.shim = shim_for(verdict);
	while (env.old[count])
		count++;
	for (int i = 0; i < NAMES; i++)
		missing += kept[i] && !find(env.old, names[i]);
	preload = find(env.old, PRELOAD);
	if (!missing && list_right(preload ? preload + sizeof(PRELOAD) - 1 : "", env.shim))
		return env;
	env.as_is = false;
	env.pointers = count + missing + 2; /* LD_PRELOAD and the end */
	env.bytes = (preload ? shim_strlen(preload) : sizeof(PRELOAD)) + (env.shim ? shim_strlen(env.shim) : 0) + 2;
	return env;
}

static char *append(char *to, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*to++ = text[i];
	return to;
}

/* The suite's own preloads first (a sanitizer's must be), ours last. Return: the end of the text. */
static char *preload_text(char *text, const char *list, const char *shim)
{
	char *to = append(text, PRELOAD, sizeof(PRELOAD) - 1);
	char *first = to;

	while (*list) {
		size_t len = item_len(list);

		if (len && !item_is(list, len, shim_glibc) && !item_is(list, len, shim_musl)) {
			if (to != first)
				*to++ = ':';
			to = append(to, list, len);
		}
		list += len + (list[len] != 0);
	}
	if (shim) {
		if (to != first)
			*to++ = ':';
		to = append(to, shim, shim_strlen(shim));
	}
	*to = 0;
	return to;
}

char *const *shim_env_fill(const struct shim_env *env, char **pointers, char *text)
{
	const char *preload = find(env->old, PRELOAD);
	char **to = pointers;

	if (env->as_is)
		return env->old;
	for (char *const *from = env->old; *from; from++)
		if (*from != preload)
			*to++ = *from;
	for (int i = 0; i < NAMES; i++)
		if (kept[i] && !find(env->old, names[i]))
			*to++ = (char *)(uintptr_t)kept[i];
	if (preload_text(text, preload ? preload + sizeof(PRELOAD) - 1 : "", env->shim) > text + sizeof(PRELOAD) - 1)
		*to++ = text;
	*to = NULL;
	return pointers;
}
