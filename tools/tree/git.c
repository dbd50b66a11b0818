/* SPDX-License-Identifier: MIT */
/*
 * Where git keeps the repository of a work tree. In a linked work tree or a submodule .git is a
 * file that names a directory elsewhere; in that, `commondir` names the one with branches and
 * objects, gitrepository-layout(5).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/tree/internal.h"

char *git_top(const char *dir, const char *home)
{
	cleanup_free char *at = str_copy(dir);

	while (at[1] && strcmp(at, home)) {
		cleanup_free char *git = str_print("%s/.git", at);

		if (!access(git, F_OK) && !file_is_planted(git))
			return steal(&at);
		*strrchr(at, '/') = 0;
		if (!*at)
			break;
	}
	return str_copy(dir);
}

/* The directory that @file of @dir names after @prefix. Return: the caller's to free; NULL. */
static char *named_dir(const char *dir, const char *file, const char *prefix)
{
	cleanup_free char *path = str_print("%s/%s", dir, file), *whole = NULL;
	cleanup_strv char **lines = NULL;
	const char *name;
	struct stat info;

	if (stat(path, &info) || !S_ISREG(info.st_mode) || file_is_planted(path) ||
	    file_read_lines(path, &lines) || !lines || !str_starts(lines[0], prefix))
		return NULL;
	name = lines[0] + strlen(prefix);
	whole = *name == '/' ? str_copy(name) : str_print("%s/%s", dir, name);
	return realpath(whole, NULL);
}

void git_dirs(const char *top, char ***dirs)
{
	char *git = named_dir(top, ".git", "gitdir: ");
	char *common = git ? named_dir(git, "commondir", "") : NULL;

	if (git)
		strv_own(dirs, git);
	if (common)
		strv_own(dirs, common);
}
