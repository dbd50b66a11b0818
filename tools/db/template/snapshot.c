/* SPDX-License-Identifier: MIT */
/*
 * A process that makes or removes a snapshot holds its lock exclusively. An overlay uses the files
 * of its snapshot as long as its worker lives. So a run that clones from a snapshot holds the lock
 * shared until it ends.
 */
#include "tools/db/template/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/job.h"
#include "tools/db/template/cache.h"

bool snapshot_named(const char *name)
{
	size_t len = strlen(name);

	return len && len <= SNAPSHOT_NAME && *name != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static int open_lock(const struct db_programs *programs, const char *name, int how, int *ret_lock)
{
	cleanup_free char *whole = str_print("snap-%s", name);

	return cache_lock(programs->cache, whole, how, ret_lock);
}

static int fits(const struct db_programs *programs, const char *name, const char *shape)
{
	cleanup_free char *path = str_print("%s/snap-%s/shape", programs->cache, name),
			  *text = NULL;
	int ret = file_read(path, &text, NULL);

	if (ret)
		return ret == -ENOENT ? -ENODATA : ret;
	return strcmp(text, shape) ? -ESTALE : 0;
}

int snapshot_use(struct snapshot_use **uses, const struct db_programs *programs, const char *name,
                 const char *shape)
{
	struct snapshot_use *use = *uses;
	cleanup_close int lock = -1;
	int ret;

	while (use && strcmp(use->name, name))
		use = use->next;
	if (use)
		return 0;
	job_files_as(programs->uid, programs->gid);
	/* before the lock, so that an unknown name leaves no lock file */
	ret = snapshot_named(name) ? fits(programs, name, shape) : -EINVAL;
	ret = ret ? ret : open_lock(programs, name, LOCK_SH, &lock);
	ret = ret ? ret : fits(programs, name, shape);
	job_files_back(programs->uid);
	if (ret)
		return ret;
	use = mem_alloc(sizeof(*use));
	*use = (struct snapshot_use){ *uses, str_copy(name), steal_fd(&lock) };
	*uses = use;
	return 0;
}

void snapshot_end(struct snapshot_use *uses)
{
	while (uses) {
		struct snapshot_use *use = uses;

		uses = use->next;
		close(use->lock);
		free(use->name);
		free(use);
	}
}

char *snapshot_refusal(const char *name, int error)
{
	if (error == -ENODATA)
		return str_print("there is no snapshot '%s'", name);
	if (error == -ESTALE)
		return str_print(
			"snapshot '%s' was made of other databases, roles or server programs",
			name);
	if (error == -EBUSY)
		return str_print("snapshot '%s' is just being made or removed", name);
	if (error == -EINVAL)
		return str_print(
			"a snapshot's name is 1 to %d small letters, digits, '_' and '-', not '%s'",
			SNAPSHOT_NAME, name);
	return str_copy(strerror(-error));
}

int snapshot_begin(const struct db_programs *programs, const char *name, int *ret_lock,
                   char **ret_building)
{
	int ret = open_lock(programs, name, LOCK_EX, ret_lock);

	if (ret)
		return ret;
	*ret_building = str_print("%s/snap-%s.building", programs->cache, name);
	(void)dir_remove(*ret_building); /* of a maker that died */
	return 0;
}

int snapshot_commit(const char *building, const char *shape)
{
	cleanup_free char *path = str_copy_len(building, strlen(building) - strlen(".building"));
	cleanup_free char *stamp = str_print("%s/shape", building);
	int ret = file_replace(stamp, shape, strlen(shape), 0600);

	if (ret)
		return ret;
	if (!renameat2(AT_FDCWD, building, AT_FDCWD, path, RENAME_EXCHANGE))
		return dir_remove(building); /* the older one */
	return rename(building, path) ? -errno : 0;
}
