/* SPDX-License-Identifier: MIT */
/*
 * A process that gets the exclusive lock of a template or a snapshot knows that no run uses it:
 * template.h, snapshot.h.
 */
#include "tools/db/template/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/job.h"
#include "tools/db/engine/programs.h"

int cache_lock(const char *cache, const char *name, int how, int *ret_lock)
{
	cleanup_free char *path = str_print("%s/%s.lock", cache, name);
	cleanup_close int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (lock < 0)
		return -errno;
	if (flock(lock, how | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_lock = steal_fd(&lock);
	return 0;
}

int cache_remove(const char *path)
{
	cleanup_free char *building = str_print("%s.building", path);

	(void)dir_remove(building);
	return rename(path, building) ? -errno : dir_remove(building);
}

static int64_t size_of(const char *path)
{
	char *paths[] = { (char *)(uintptr_t)path, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	int64_t bytes = 0;
	FTSENT *entry;

	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_F)
			bytes += (int64_t)entry->fts_statp->st_blocks * 512;
	if (tree)
		fts_close(tree);
	return bytes;
}

/* The entry's name in the cache; the caller's to free. */
static char *entry_of(const struct cache_entry *cached)
{
	return str_print("%s-%s", cached->is_snapshot ? "snap" : "tpl", cached->name);
}

static char *ports_of(const char *path)
{
	cleanup_strv char **names = dir_list(path);
	struct str ports = { 0 };
	long port;

	for (char **name = names; name && *name; name++)
		if (!str_number(*name, 1, 65535, &port))
			str_addf(&ports, "%s%ld", ports.len ? " " : "", port);
	return str_take(&ports);
}

static void add(struct cache_list *list, const char *path, const char *name, bool is_snapshot)
{
	struct cache_entry cached = { .name = str_copy(name), .is_snapshot = is_snapshot };
	cleanup_free char *entry = entry_of(&cached);
	cleanup_close int lock = -1;
	struct statx info;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MTIME | STATX_BTIME, &info)) {
		free(cached.name);
		return;
	}
	cached.used_s = info.stx_mtime.tv_sec;
	cached.made_s = info.stx_mask & STATX_BTIME ? info.stx_btime.tv_sec : info.stx_mtime.tv_sec;
	cached.ports = ports_of(path);
	cached.size_bytes = size_of(path);
	cached.used_now = cache_lock(list->where, entry, LOCK_EX, &lock) == -EBUSY;
	list->list = mem_grow(list->list, list->count + 1, sizeof(*list->list));
	list->list[list->count++] = cached;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cache_entry *)a)->name, ((const struct cache_entry *)b)->name);
}

static void read_all(struct cache_list *list)
{
	cleanup_strv char **names = dir_list(list->where);

	for (char **name = names; name && *name; name++) {
		cleanup_free char *path = str_print("%s/%s", list->where, *name);

		if (strchr(*name, '.'))
			continue;
		if (str_starts(*name, "tpl-"))
			add(list, path, *name + strlen("tpl-"), false);
		else if (str_starts(*name, "snap-"))
			add(list, path, *name + strlen("snap-"), true);
	}
}

int cache_read(struct cache_list *ret_list, char **ret_why)
{
	struct db_programs programs;
	int ret = db_programs_place(&programs, ret_why);

	*ret_list = (struct cache_list){ 0 };
	if (ret)
		return ret;
	ret_list->where = steal(&programs.cache);
	ret_list->uid = programs.uid;
	ret_list->gid = programs.gid;
	db_programs_free(&programs);
	job_files_as(ret_list->uid, ret_list->gid);
	read_all(ret_list);
	job_files_back(ret_list->uid);
	if (ret_list->count)
		qsort(ret_list->list, ret_list->count, sizeof(*ret_list->list), by_name);
	return 0;
}

void cache_free(struct cache_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->list[i].name);
		free(list->list[i].ports);
	}
	free(list->list);
	free(list->where);
	*list = (struct cache_list){ 0 };
}

int cache_drop(const struct cache_list *list, const struct cache_entry *cached)
{
	cleanup_free char *entry = entry_of(cached), *path = str_print("%s/%s", list->where, entry);
	cleanup_close int lock = -1;
	int ret;

	job_files_as(list->uid, list->gid);
	ret = cache_lock(list->where, entry, LOCK_EX, &lock);
	ret = ret ? ret : cache_remove(path);
	job_files_back(list->uid);
	return ret;
}

static int by_use(const void *a, const void *b)
{
	int64_t one = ((const struct cache_entry *)a)->used_s,
		two = ((const struct cache_entry *)b)->used_s;

	return one < two ? 1 : one > two ? -1 : by_name(a, b);
}

void cache_collect(const char *cache, uint64_t quota_bytes)
{
	struct cache_list all = { .where = str_copy(cache) };
	uint64_t sum = 0;

	read_all(&all);
	if (all.count)
		qsort(all.list, all.count, sizeof(*all.list), by_use);
	for (size_t i = 0; i < all.count; i++) {
		if (all.list[i].is_snapshot)
			continue;
		sum += (uint64_t)all.list[i].size_bytes;
		if (sum > quota_bytes && time(NULL) - all.list[i].used_s > TEMPLATE_FRESH_S)
			(void)cache_drop(&all, &all.list[i]);
	}
	cache_free(&all);
}
