/* SPDX-License-Identifier: MIT */
/*
 * The name of a template has the hash of all that it is made from. So it never changes; a change of
 * its inputs makes another template. If two runs need the same one at the same time, the one that
 * takes the file lock makes it, and the other waits.
 */
#include "tools/db/template/template.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/library.h"
#include "tools/db/template/cache.h"
#include "tools/db/common/clone.h"
#include "tools/db/common/digest.h"
#include "tools/db/engine/engine.h"
#include "tools/db/template/inputs.h"

enum { KEEP_TEMPLATE_DAYS = 14, KEEP_CLONE_DAYS = 7 };

/* --- hashing --- */

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

/* The command, with the same text in every checkout of the project. */
static void hash_command(struct digest *hash, const struct template_plan *plan)
{
	size_t len = strlen(plan->project_dir);

	for (const char *at = plan->command, *next; at; at = next) {
		next = strstr(at, plan->project_dir);
		digest_data(hash, at, next ? (size_t)(next - at) : strlen(at) + 1);
		next = next ? next + len : NULL;
	}
}

/* Return: as template_hash(). */
static int hash_inputs(struct digest *hash, const struct template_plan *plan,
                       unsigned int *ret_files)
{
	const struct inputs_search search = { plan->project_dir, plan->command, plan->inputs,
		                              plan->guess_inputs, hash };
	cleanup_strv char **names = NULL;
	int ret = inputs_find(&search, &names);
	char nonce[16] = "";

	*ret_files = ret ? 0 : (unsigned int)strv_len(names);
	if (ret == -E2BIG && plan->guess_inputs)
		ret = 0; /* the guess found too much: the same as nothing */
	if (!ret && !*ret_files && getrandom(nonce, sizeof(nonce), 0) < 0)
		ret = -errno;
	digest_data(hash, nonce, sizeof(nonce));
	return ret;
}

int template_hash(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	const bool is_private = plan->programs;
	cleanup_free char *hex = NULL;
	unsigned int files = 0;
	struct digest *hash;
	int ret = digest_begin(&hash);

	if (ret) {
		str_addf(ret_text, "%s is missing", library_facts[LIBRARY_CRYPTO].soname);
		return ret;
	}
	if (is_private)
		hash_specs(hash, plan);
	for (unsigned int i = 0; i < plan->url_count; i++) {
		const struct db_url *url = &plan->urls[i];
		cleanup_free char *port = str_print("%u", url->port);

		digest_text(hash, url->role);
		digest_text(hash, url->name);
		/* a shared server has a port for each machine, and no passwords in its databases */
		digest_text(hash, is_private ? port : "");
		digest_text(hash, is_private && url->password ? url->password : "\1");
		digest_text(hash, is_private && url->superuser ? "superuser" : "");
	}
	digest_text(hash, plan->identity);
	digest_text(hash, plan->stamp);
	/* pg_ident.conf names the user of the run */
	digest_text(hash, is_private ? plan->programs->owner : "");
	if (plan->command) {
		hash_command(hash, plan);
		ret = hash_inputs(hash, plan, &files);
	}
	hex = digest_end(hash);
	str_addf(ret_text, "%s %u", hex, files);
	return ret;
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
		struct engine_build part = { .programs = plan->programs,
			                     .spec = &plan->specs[i],
			                     .urls = plan->urls,
			                     .url_count = plan->url_count,
			                     .socket_dir = plan->socket_dir,
			                     .role = plan->role,
			                     .data = data };

		if (plan->imports && plan->imports[i].roles)
			part.import = &plan->imports[i];
		ret = mkdir(dir, 0700) ? -errno : part.spec->engine->build(&part, ret_text);
	}
	return ret;
}

int template_commit(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	cleanup_free char *path = str_print("%s/tpl-%s", plan->programs->cache, plan->hash);
	cleanup_free char *building = str_print("%s.building", path);
	cleanup_free char *mark = str_print("%s/once", building);

	if ((plan->once && mkdir(mark, 0700)) || rename(building, path))
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
			  *dir = str_print("%s/%s", cache, name), *mark = str_print("%s/once", dir);
	cleanup_close int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB))
		return;
	remove_matching(cache, building); /* its maker has died */
	/*
	 * A snapshot stays until the user drops it. The lock file stays: another process may be
	 * about to lock it.
	 */
	if (str_starts(lock_name, "tpl-") && (old(dir, KEEP_TEMPLATE_DAYS) || !access(mark, F_OK)))
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
