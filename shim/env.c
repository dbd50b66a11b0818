/* SPDX-License-Identifier: MIT */
/*
 * The environment of programs that this process executes. A program that starts another with an
 * environment of its own (env -i, a test runner's sandbox) would lose LD_PRELOAD and BERTH_*, and
 * its child would use the host's ports. So the exec hooks hand on what was there when this process
 * began.
 *
 * The constructor copies the values: programs that set their title (PostgreSQL, nginx, sshd) write
 * over the memory that the kernel gave environ.
 */
#include "shim/shim.h"

enum { KEPT_BYTES = 6 * 1024 };

#define PRELOAD "LD_PRELOAD="
#define ASAN    "ASAN_OPTIONS="

static const char *const names[] = {
#define ENV(name, help) #name "=",
#include "core/env.def"
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static char kept_text[KEPT_BYTES];
static const char *kept[NAMES]; /* "BERTH_RUN=7f3a", or NULL; all NULL outside a worker */
static const char *shim, *launcher, *map;

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
			map = kept[i] + sizeof("BERTH_MAP=") - 1;
		if (shim_starts_with(entry, "BERTH_VIEW="))
			map = kept[i] + sizeof("BERTH_VIEW=") - 1;
		if (shim_starts_with(entry, "BERTH_SHIM="))
			shim = kept[i] + sizeof("BERTH_SHIM=") - 1;
		if (shim_starts_with(entry, "BERTH_LAUNCHER="))
			launcher = kept[i] + sizeof("BERTH_LAUNCHER=") - 1;
	}
}

/*
 * access(2), not with the effective user: a program that has left root behind may still have its
 * capabilities (setpriv), which the exec takes away.
 */
static bool may_use(const char *path, int how)
{
	return !sys(SYS_faccessat, AT_FDCWD, path, how, 0, 0);
}

bool shim_env_is_hidden(void)
{
	return map && shim && !(may_use(shim, R_OK) && may_use(map, R_OK | W_OK));
}

/* the launcher meets the supervisor in the port map's directory */
const char *shim_env_launcher(void)
{
	return map && launcher && may_use(launcher, X_OK) && may_use(map, R_OK | W_OK) ? launcher
	                                                                               : NULL;
}

static const char *shim_for(enum berth_elf_verdict verdict)
{
	switch (verdict) {
	/* the loader would complain on stderr about a library that it cannot load */
	case BERTH_ELF_FOREIGN_CLASS:
	case BERTH_ELF_FOREIGN_MACHINE:
	case BERTH_ELF_FOREIGN_LOADER: return NULL;
	case BERTH_ELF_HIDDEN: return may_use(shim, R_OK) ? shim : NULL;
	default: return shim;
	}
}

/* Return: the text after NAME= in the environment; "" if it is not set. */
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

	if (!map || (envp && !shim_readable(envp, sizeof(*envp))))
		return env;
	env.shim = shim_for(verdict);
	while (env.old[count])
		count++;
	for (int i = 0; i < NAMES; i++)
		missing += kept[i] && !find(env.old, names[i]);
	if (!missing && berth_preload_has(value(env.old, PRELOAD), shim) == !!env.shim &&
	    berth_asan_is_set(value(env.old, ASAN)))
		return env;
	env.as_is = false;
	env.pointers = count + missing + 3; /* the two lists and the end */
	env.bytes = sizeof(PRELOAD) + shim_strlen(value(env.old, PRELOAD)) +
	            (env.shim ? shim_strlen(env.shim) : 0) + 1 + sizeof(ASAN BERTH_ASAN_ITEM) +
	            shim_strlen(value(env.old, ASAN)) + 1;
	return env;
}

char *const *shim_env_fill(const struct shim_env *env, char **pointers, char *text)
{
	const char *preload, *asan;
	char **to = pointers;
	bool asan_is_set;
	size_t len;

	if (env->as_is) /* perhaps because it cannot be read: the kernel will say so */
		return env->old;
	preload = find(env->old, PRELOAD);
	asan = find(env->old, ASAN);
	asan_is_set = berth_asan_is_set(value(env->old, ASAN));
	for (char *const *from = env->old; *from; from++)
		if (*from != preload && (*from != asan || asan_is_set))
			*to++ = *from;
	for (int i = 0; i < NAMES; i++)
		if (kept[i] && !find(env->old, names[i]))
			*to++ = (char *)(uintptr_t)kept[i];
	__builtin_memcpy(text, PRELOAD, sizeof(PRELOAD));
	len = berth_preload_write(text + sizeof(PRELOAD) - 1, value(env->old, PRELOAD), shim, NULL,
	                          env->shim);
	if (len) {
		*to++ = text;
		text += sizeof(PRELOAD) + len;
	}
	if (!asan_is_set) {
		__builtin_memcpy(text, ASAN, sizeof(ASAN));
		berth_asan_write(text + sizeof(ASAN) - 1, value(env->old, ASAN));
		*to++ = text;
	}
	*to = NULL;
	return pointers;
}
