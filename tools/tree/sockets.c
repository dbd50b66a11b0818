/* SPDX-License-Identifier: MIT */
/*
 * The sockets and FIFOs of the machine in a worker's overlays, in its init process. An overlay
 * hides them: a socket's address is the inode of the lower file (unix(7)), and so is a FIFO. A
 * bind mount over each would work, but could not be removed or replaced. So the upper directory
 * gets a symbolic link, which leads to a bind mount elsewhere, and which belongs to the worker.
 *
 * /proc/net/unix names all sockets that a process has. The file of a dead one needs no link. FIFOs
 * are found at the top of each overlay only.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/tree/internal.h"

enum { PATH_FIELD = 7 }; /* of a line of /proc/net/unix */

static bool in_overlay(const struct tree *tree, const char *path)
{
	const struct tree_part *part = parts_above(&tree->parts, tree->parts.count, path);

	return part && part->kind == PART_OVERLAY;
}

static void add_found(const struct tree *tree, const char *path, mode_t type, char ***found)
{
	struct stat info;

	/* each connection of a server has the path of the server */
	if (in_overlay(tree, path) && !strv_has(*found, path) && !lstat(path, &info) &&
	    (info.st_mode & S_IFMT) == type)
		strv_add(found, path);
}

char **sockets_find(const struct tree *tree)
{
	cleanup_strv char **lines = NULL;
	char **found = NULL;

	(void)file_read_lines("/proc/net/unix", &lines);
	for (char **line = lines; line && *line; line++) {
		cleanup_free char *below = NULL;
		const char *path = *line;

		for (int i = 0; i < PATH_FIELD && *path; i++) {
			path += strcspn(path, " ");
			path += strspn(path, " ");
		}
		/* most programs that bind a relative path run in their project */
		below = *path == '/' ? str_copy(path) : str_print("%s/%s", tree->project_dir, path);
		if (*path && *path != '@')
			add_found(tree, below, S_IFSOCK, &found);
	}
	for (size_t i = 0; i < tree->parts.count; i++) {
		const char *dir = tree->parts.list[i].path;
		cleanup_dir DIR *entries = opendir(dir);
		struct dirent *entry;

		while (entries && (entry = readdir(entries))) {
			cleanup_free char *path = str_print("%s/%s", dir, entry->d_name);

			if (entry->d_type == DT_FIFO)
				add_found(tree, path, S_IFIFO, &found);
		}
	}
	return found;
}
