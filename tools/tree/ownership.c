/* SPDX-License-Identifier: MIT */
/*
 * Without privilege a user namespace has one user and one group: the caller's. An overlay in it cannot copy up what belongs to
 * any other, though the caller may well write it outside: a project that belongs to the team's group answers every change
 * with EOVERFLOW (user_namespaces(7)). So whoever wants to mount there looks first. Not deep and not long: such projects
 * are foreign at their top, and a project may have a million files.
 */
#include <errno.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/str.h"
#include "tools/tree/tree-private.h"

enum { DEPTH = 3, ENTRIES_MOST = 4096 };

static bool is_lost(const FTSENT *entry)
{
	const struct stat *info = entry->fts_statp;

	if (entry->fts_info != FTS_D && entry->fts_info != FTS_F)
		return false;
	return (info->st_uid != geteuid() || info->st_gid != getegid()) &&
	       !access(entry->fts_accpath, W_OK);
}

char *owners_lost(const char *dir)
{
	char *paths[] = { (char *)(uintptr_t)dir, NULL }, *lost = NULL;
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *entry;

	for (int i = 0; tree && !lost && i < ENTRIES_MOST && (entry = fts_read(tree)); i++) {
		if (is_lost(entry))
			lost = str_copy(entry->fts_path);
		else if (entry->fts_level >= DEPTH)
			(void)fts_set(tree, entry, FTS_SKIP);
	}
	if (tree)
		fts_close(tree);
	return lost;
}
