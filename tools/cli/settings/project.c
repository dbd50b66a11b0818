/* SPDX-License-Identifier: MIT */
/*
 * Walks from the working directory upwards. A berth.yaml counts up to and including the home
 * directory; a .git counts only below it: people keep their dotfiles in a git work tree of $HOME,
 * and nobody wants that as a project. What another user has put where everybody can write
 * (/tmp/berth.yaml) is never found.
 */
#include "tools/cli/settings/project.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/base/str.h"

static char *working_dir(void)
{
	char *dir = getcwd(NULL, 0);

	return dir ? dir : str_copy("/");
}

/* realpath(3), so that it compares with what getcwd(3) says; "" if there is none */
static char *home_dir(void)
{
	const char *home = getenv("HOME");
	char *path = home && *home == '/' ? realpath(home, NULL) : NULL;

	return path ? path : str_copy("");
}

/* Cut the last part off. Return: false if @dir was the root. */
static bool parent(char *dir)
{
	char *slash = strrchr(dir, '/');

	if (!slash || !dir[1])
		return false;
	slash[slash == dir] = 0;
	return true;
}

/* Its commands would run as us, and our results would go where its owner sees them. */
static void say_planted(const char *path)
{
	static bool said;

	if (!said)
		log_line("'%s' is not read: it is another user's, in a directory where everybody "
		         "can write",
		         path);
	said = true;
}

static bool has(const char *dir, const char *name)
{
	cleanup_free char *path = str_print("%s/%s", dir[1] ? dir : "", name);

	if (access(path, F_OK))
		return false;
	if (!file_is_planted(path))
		return true;
	say_planted(path);
	return false;
}

/* @also_home: is the home directory itself looked at, and / where the walk never meets home? */
static char *walk(const char *name, bool also_home)
{
	cleanup_free char *dir = working_dir(), *home = home_dir();

	do {
		bool top = !strcmp(dir, home) || !dir[1];

		if (top && !also_home)
			return NULL;
		if (has(dir, name))
			return steal(&dir);
		if (top)
			return NULL;
	} while (parent(dir));
	return NULL;
}

char *project_config(const char *name)
{
	cleanup_free char *dir = walk(name, true);

	return dir ? str_print("%s/%s", dir[1] ? dir : "", name) : NULL;
}

char *project_find(const char *config)
{
	cleanup_free char *path = config ? realpath(config, NULL) : NULL;
	char *dir;

	if (path && parent(path))
		return steal(&path);
	dir = walk(".git", false);
	return dir ? dir : working_dir();
}
