/* SPDX-License-Identifier: MIT */
/*
 * A user namespace without privilege has one user and one group, the caller's (user_namespaces(7)).
 * An overlay in it answers EOVERFLOW for every change to a file of another user or group, even to a
 * file that the caller may write outside.
 *
 * The search is short: a project may have a million files, and a project of another group is so at
 * its top.
 */
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/str.h"
#include "tools/tree/internal.h"

enum { ENTRIES_MAX = 4096 };

static bool is_foreign(const FTSENT *entry)
{
	const struct stat *info = entry->fts_statp;

	if (entry->fts_info != FTS_D && entry->fts_info != FTS_F)
		return false;
	return (info->st_uid != geteuid() || info->st_gid != getegid()) &&
	       !access(entry->fts_accpath, W_OK);
}

char *tree_foreign_owner(const char *dir, int depth)
{
	char *paths[] = { (char *)(uintptr_t)dir, NULL }, *found = NULL;
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *entry;

	for (int i = 0; walk && !found && i < ENTRIES_MAX && (entry = fts_read(walk)); i++) {
		if (is_foreign(entry))
			found = str_copy(entry->fts_path);
		else if (entry->fts_level >= depth)
			(void)fts_set(walk, entry, FTS_SKIP);
	}
	if (walk)
		fts_close(walk);
	return found;
}
