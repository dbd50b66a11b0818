/* SPDX-License-Identifier: MIT */
/*
 * The walk from the working directory upwards. A berth.yaml counts up to and including the home
 * directory. A .git counts only below it: people keep their dotfiles in a git work tree of
 * $HOME, which is not a project. A file of another user in a directory where all users can
 * write (/tmp/berth.yaml) is never used: its commands would run as this user, and its owner
 * would see the results.
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

/* Return: as getcwd(3) would show it; "" if there is none. */
static char *home_dir(void)
{
	const char *home = getenv("HOME");
	char *path = home && *home == '/' ? realpath(home, NULL) : NULL;

	return path ? path : str_copy("");
}

/* Cut the last part off. Return: false if @dir is the root. */
static bool parent(char *dir)
{
	char *slash = strrchr(dir, '/');

	if (!slash || !dir[1])
		return false;
	slash[slash == dir] = 0;
	return true;
}

/* Print it once: several walks may find the file. */
static void report_planted(const char *path)
{
	static bool reported;

	if (!reported)
		log_line("'%s' is not read: another user owns it, and all users can write to its "
		         "directory",
		         path);
	reported = true;
}

static bool has(const char *dir, const char *name)
{
	cleanup_free char *path = str_print("%s/%s", dir[1] ? dir : "", name);

	if (access(path, F_OK))
		return false;
	if (!file_is_planted(path))
		return true;
	report_planted(path);
	return false;
}

/* @also_home: search also the home directory, and / if the walk does not meet the home directory */
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
