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
/*
 * A program that is linked to a shared AddressSanitizer refuses to start when a preloaded library comes before it in the
 * list of objects. Ours may: it allocates nothing and calls the sanitizer's interceptors as it calls any next function.
 */
#define ASAN      "ASAN_OPTIONS="
#define ASAN_ITEM "verify_asan_link_order=0"

static const char *const names[] = {
#define ENV(name, help) #name "=",
#include "core/env.def"
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static char kept_text[KEPT_BYTES];
static const char *kept[NAMES]; /* "BERTH_RUN=7f3a", or NULL; all NULL outside a worker */
static const char *shim, *launcher;
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
		if (shim_starts_with(entry, "BERTH_MAP=") || shim_starts_with(entry, "BERTH_VIEW="))
			in_worker = true;
		if (shim_starts_with(entry, "BERTH_SHIM="))
			shim = kept[i] + sizeof("BERTH_SHIM=") - 1;
		if (shim_starts_with(entry, "BERTH_LAUNCHER="))
			launcher = kept[i] + sizeof("BERTH_LAUNCHER=") - 1;
	}
}

const char *shim_env_launcher(void)
{
	return in_worker ? launcher : NULL;
}

static const char *shim_for(enum berth_elf_verdict verdict)
{
	switch (verdict) {
	/* the loader would complain on stderr about a library of the wrong kind */
	case BERTH_ELF_FOREIGN_CLASS:
	case BERTH_ELF_FOREIGN_MACHINE:
	case BERTH_ELF_FOREIGN_LOADER: return NULL;
	default: return shim;
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

/* True if @list names the shim, or does not if it is not wanted. */
static bool preload_right(const char *list, bool wanted)
{
	while (*list) {
		size_t len = item_len(list);

		if (item_is(list, len, shim))
			return wanted;
		list += len + (list[len] != 0);
	}
	return !wanted;
}

/* True if the colon-separated ASAN_OPTIONS say what we need, or the opposite on purpose. */
static bool asan_right(const char *list)
{
	while (*list) {
		if (shim_starts_with(list, "verify_asan_link_order="))
			return true;
		list += item_len(list);
		list += *list != 0;
	}
	return false;
}

/* What follows NAME= in the environment; "" if it is not set. */
static const char *value(char *const *envp, const char *prefix)
{
	const char *entry = find(envp, prefix);

	return entry ? entry + shim_strlen(prefix) : "";
}

struct shim_env shim_env_plan(char *const *envp, enum berth_elf_verdict verdict)
{
	static char *const empty[] = { NULL };
	struct shim_env env = {
		.old = envp ? envp : empty, .pointers = 1, .bytes = 1, .as_is = true
	};
	size_t count = 0, missing = 0;

	if (!in_worker || (envp && !shim_readable(envp, sizeof(*envp))))
		return env;
	env.shim = shim_for(verdict);
	while (env.old[count])
		count++;
	for (int i = 0; i < NAMES; i++)
		missing += kept[i] && !find(env.old, names[i]);
	if (!missing && preload_right(value(env.old, PRELOAD), env.shim) &&
	    asan_right(value(env.old, ASAN)))
		return env;
	env.as_is = false;
	env.pointers = count + missing + 3; /* the two lists and the end */
	env.bytes = sizeof(PRELOAD) + shim_strlen(value(env.old, PRELOAD)) +
	            (env.shim ? shim_strlen(env.shim) : 0) + 2 + sizeof(ASAN ASAN_ITEM) +
	            shim_strlen(value(env.old, ASAN)) + 2;
	return env;
}

static char *append(char *to, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*to++ = text[i];
	return to;
}

/* The suite's own preloads first (a sanitizer's must be), ours last. Return: the end of the text, which is a NUL. */
static char *preload_text(char *to, const char *list, const char *last)
{
	bool any = false;

	to = append(to, PRELOAD, sizeof(PRELOAD) - 1);
	while (*list) {
		size_t len = item_len(list);

		if (len && !item_is(list, len, shim)) {
			to = append(append(to, ":", any), list, len);
			any = true;
		}
		list += len + (list[len] != 0);
	}
	if (last)
		to = append(append(to, ":", any), last, shim_strlen(last));
	*to = 0;
	return to;
}

static void asan_text(char *to, const char *list)
{
	to = append(to, ASAN, sizeof(ASAN) - 1);
	to = append(to, list, shim_strlen(list));
	(void)append(append(to, ":", *list != 0), ASAN_ITEM, sizeof(ASAN_ITEM));
}

char *const *shim_env_fill(const struct shim_env *env, char **pointers, char *text)
{
	const char *preload, *asan;
	char **to = pointers, *end;

	if (env->as_is) /* perhaps because it cannot be read: the kernel will say so */
		return env->old;
	preload = find(env->old, PRELOAD);
	asan = find(env->old, ASAN);
	if (asan_right(value(env->old, ASAN)))
		asan = text; /* stays as it is */
	for (char *const *from = env->old; *from; from++)
		if (*from != preload && *from != asan)
			*to++ = *from;
	for (int i = 0; i < NAMES; i++)
		if (kept[i] && !find(env->old, names[i]))
			*to++ = (char *)(uintptr_t)kept[i];
	end = preload_text(text, value(env->old, PRELOAD), env->shim);
	if (end > text + sizeof(PRELOAD) - 1)
		*to++ = text;
	if (asan != text) {
		asan_text(end + 1, value(env->old, ASAN));
		*to++ = end + 1;
	}
	*to = NULL;
	return pointers;
}
