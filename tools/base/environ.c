/* SPDX-License-Identifier: MIT */
/* execve(2) allows a name to occur twice: environ_set() replaces or removes all of them. */
#include "tools/base/environ.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/str.h"

static const char *value_of(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(entry, name, len) && entry[len] == '=' ? entry + len + 1 : NULL;
}

const char *environ_get(char *const *envp, const char *name)
{
	for (; envp && *envp; envp++) {
		const char *value = value_of(*envp, name);

		if (value)
			return value;
	}
	return NULL;
}

void environ_set(char ***envp, const char *name, const char *value)
{
	char *entry = value ? str_print("%s=%s", name, value) : NULL;
	char **to = *envp;

	for (char **from = *envp; from && *from; from++) {
		if (value_of(*from, name))
			free(*from);
		else
			*to++ = *from;
	}
	if (to)
		*to = NULL;
	if (entry)
		strv_own(envp, entry);
}
