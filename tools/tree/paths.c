/* SPDX-License-Identifier: MIT */
/* Paths of a tree: pure string functions. */
#include <string.h>

#include "tools/base/str.h"
#include "tools/tree/internal.h"

char *tree_place(const struct tree *tree, unsigned int worker, const char *name)
{
	return str_print("%s/w%u-%s", tree->scratch_dir, worker, name);
}

bool tree_is_hidden(const struct tree *tree, const char *path)
{
	for (char **hidden = tree->hidden; hidden && *hidden; hidden++)
		if (tree_below(*hidden, path))
			return true;
	return false;
}

const char *tree_below(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	if (!strcmp(dir, "/"))
		return path + 1;
	if (strncmp(dir, path, len) || (path[len] && path[len] != '/'))
		return NULL;
	return path + len + (path[len] == '/');
}
