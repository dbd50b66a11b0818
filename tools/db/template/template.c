/* SPDX-License-Identifier: MIT */
/*
 * The name of a template has the hash of all that it is made from. So it never changes; a change of
 * its inputs makes another template. If two runs need the same one at the same time, the one that
 * takes the file lock makes it, and the other waits.
 */
#include "tools/db/template/template.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/db/template/cache.h"
#include "tools/db/common/clone.h"
#include "tools/db/common/digest.h"
#include "tools/db/engine/engine.h"

enum { KEEP_TEMPLATE_DAYS = 14, KEEP_CLONE_DAYS = 7, HASH_FILES_MAX = 20000 };

/* --- hashing --- */

static void hash_file(struct digest *hash, const char *path, unsigned int *files);

static void hash_dir(struct digest *hash, const char *path, unsigned int *files)
{
	cleanup_strv char **names = dir_list(path);

	for (char **name = names; name && *name; name++) {
		cleanup_free char *below = str_print("%s/%s", path, *name);

		if (**name != '.' && strcmp(*name, "node_modules"))
			hash_file(hash, below, files);
	}
}

static void hash_file(struct digest *hash, const char *path, unsigned int *files)
{
	cleanup_free char *text = NULL;
	struct stat info;
	size_t len;

	if (stat(path, &info) || ++*files > HASH_FILES_MAX)
		return;
	digest_text(hash, path);
	if (S_ISDIR(info.st_mode))
		hash_dir(hash, path, files);
	else if (S_ISREG(info.st_mode) && !file_read(path, &text, &len))
		digest_data(hash, text, len);
}

/*
 * The files that the command names: `psql -f seed.sql` depends on seed.sql. The project directory
 * itself is no input.
 */
static void hash_named_files(struct digest *hash, const struct template_plan *plan,
                             unsigned int *files)
{
	cleanup_strv char **words = strv_split(plan->command, " \t\n\"'`;&|<>()=");

	for (char **word = words; word && *word; word++) {
		cleanup_free char *path = **word == '/'
		                                  ? str_copy(*word)
		                                  : str_print("%s/%s", plan->project_dir, *word);
		struct stat info;

		if (stat(path, &info) || strspn(*word, "./") == strlen(*word))
			continue;
		if (S_ISREG(info.st_mode) || str_starts(path, plan->project_dir))
			hash_file(hash, path, files);
	}
}

static void hash_inputs(struct digest *hash, const struct template_plan *plan, unsigned int *files)
{
	for (char *const *input = plan->inputs; input && *input; input++) {
		cleanup_free char *pattern = str_print("%s/%s", plan->project_dir, *input);
		glob_t found;

		digest_text(hash, *input);
		if (!glob(pattern, GLOB_BRACE, NULL, &found))
			for (size_t i = 0; i < found.gl_pathc; i++)
				hash_file(hash, found.gl_pathv[i], files);
		globfree(&found);
	}
}

static void hash_specs(struct digest *hash, const struct template_plan *plan)
{
	for (unsigned int i = 0; i < plan->spec_count; i++) {
		cleanup_free char *port = str_print("%u", plan->specs[i].port);
		cleanup_free char *stamp = plan->specs[i].engine->stamp(plan->programs);

		digest_text(hash, port);
		digest_text(hash, stamp);
		for (char *const *setting = plan->specs[i].settings; setting && *setting; setting++)
			digest_text(hash, *setting);
	}
}

int template_hash(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	cleanup_free char *hex = NULL;
	unsigned int files = 0;
	struct digest *hash;
	int ret = digest_begin(&hash);

	if (ret)
		return ret;
	if (plan->programs)
		hash_specs(hash, plan);
	for (unsigned int i = 0; i < plan->url_count; i++) {
		cleanup_free char *port = str_print("%u", plan->urls[i].port);

		digest_text(hash, port);
		digest_text(hash, plan->urls[i].role);
		digest_text(hash, plan->urls[i].password ? plan->urls[i].password : "\1");
		digest_text(hash, plan->urls[i].name);
	}
	/* pg_ident.conf names the user of the run */
	digest_text(hash, plan->programs ? plan->programs->owner : "");
	digest_text(hash, plan->command);
	if (plan->command) {
		hash_named_files(hash, plan, &files);
		hash_inputs(hash, plan, &files);
	}
	hex = digest_end(hash);
	str_add(ret_text, hex);
	return files > HASH_FILES_MAX ? -E2BIG : 0;
}

/* --- template --- */

static int build(const struct template_plan *plan, const char *building, struct str *ret_text)
{
	int ret = 0;

	(void)dir_remove(building);
	if (mkdir(building, 0700))
		return -errno;
	for (unsigned int i = 0; i < plan->spec_count && !ret; i++) {
		cleanup_free char *dir = str_print("%s/%u", building, plan->specs[i].port),
				  *data = str_print("%s/data", dir);
		const struct engine_build part = { .programs = plan->programs,
			                           .spec = &plan->specs[i],
			                           .urls = plan->urls,
			                           .url_count = plan->url_count,
			                           .data = data };

		ret = mkdir(dir, 0700) ? -errno : part.spec->engine->build(&part, ret_text);
	}
	return ret;
}

int template_commit(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	cleanup_free char *path = str_print("%s/tpl-%s", plan->programs->cache, plan->hash);
	cleanup_free char *building = str_print("%s.building", path);

	if (rename(building, path))
		return -errno;
	str_add(ret_text, "ready");
	return flock(plan->lock, LOCK_SH) ? -errno : 0;
}

int template_make(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	cleanup_free char *path = str_print("%s/tpl-%s", plan->programs->cache, plan->hash);
	cleanup_free char *building = str_print("%s.building", path);
	int ret;

	if (flock(plan->lock, LOCK_SH))
		return -errno;
	/* flock() does not convert a lock atomically: another run may make it in between */
	if (access(path, F_OK)) {
		if (flock(plan->lock, LOCK_EX))
			return -errno;
		if (access(path, F_OK)) {
			ret = build(plan, building, ret_text);
			if (ret || !plan->command)
				return ret ? ret : template_commit(arg, ret_text);
			str_add(ret_text, "setup");
			return 0;
		}
		(void)flock(plan->lock, LOCK_SH);
	}
	(void)utimensat(AT_FDCWD, path, NULL, 0); /* last use, for the sweep */
	str_add(ret_text, "cached");
	return 0;
}

/* --- sweep --- */

static bool old(const char *path, int days)
{
	struct stat info;

	return !stat(path, &info) && time(NULL) - info.st_mtime > (time_t)days * 86400;
}

/* Remove every entry of @dir that begins with @prefix. */
static void remove_matching(const char *dir, const char *prefix)
{
	cleanup_strv char **names = dir_list(dir);

	for (char **name = names; name && *name; name++) {
		cleanup_free char *path = str_print("%s/%s", dir, *name);

		if (str_starts(*name, prefix))
			(void)dir_remove(path);
	}
}

/*
 * If its lock is free, the run is dead. Its sockets go with its run directory:
 * db_programs_remove_socket_dirs().
 */
static void sweep_run(const char *clones, const char *lock_name)
{
	cleanup_free char *path = str_print("%s/%s", clones, lock_name);
	cleanup_free char *prefix = str_copy_len(lock_name, strlen(lock_name) - strlen("lock"));
	cleanup_close int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB))
		return;
	prefix[strlen(prefix) - 1] = '-';
	remove_matching(clones, prefix);
	(void)unlink(path);
}

static void sweep_template(const char *cache, const char *lock_name)
{
	cleanup_free char *path = str_print("%s/%s", cache, lock_name);
	cleanup_free char *name = str_copy_len(lock_name, strlen(lock_name) - strlen(".lock"));
	cleanup_free char *building = str_print("%s.building", name),
			  *dir = str_print("%s/%s", cache, name);
	cleanup_close int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB))
		return;
	remove_matching(cache, building); /* its maker has died */
	/*
	 * A snapshot stays until the user drops it. The lock file stays: another process may be
	 * about to lock it.
	 */
	if (str_starts(lock_name, "tpl-") && old(dir, KEEP_TEMPLATE_DAYS))
		(void)cache_remove(dir);
}

static void sweep_dir(const char *dir, const char *suffix,
                      void (*each)(const char *dir, const char *name))
{
	cleanup_strv char **names = dir_list(dir);

	for (char **name = names; name && *name; name++)
		if (str_ends(*name, suffix) && **name != '.')
			each(dir, *name);
}

static void sweep_kept(const char *dir, const char *name)
{
	cleanup_free char *path = str_print("%s/%s", dir, name);

	if (old(path, KEEP_CLONE_DAYS))
		(void)dir_remove(path);
}

int template_collect(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;

	(void)ret_text;
	cache_collect(plan->programs->cache, plan->quota_bytes);
	return 0;
}

int template_sweep(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	cleanup_free char *clones = str_print("%s/clones", plan->programs->cache);
	cleanup_free char *kept = str_print("%s/kept", plan->programs->cache);

	(void)ret_text;
	sweep_dir(clones, ".lock", sweep_run);
	sweep_dir(plan->programs->cache, ".lock", sweep_template);
	sweep_dir(kept, "", sweep_kept);
	return 0;
}
