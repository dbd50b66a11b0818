/* SPDX-License-Identifier: MIT */
/*
 * What workers are cloned from: the template, or a snapshot that the user named. In the supervisor,
 * on the loop; the hash, the template and its commit are jobs.
 *
 *	UNKNOWN -> hash -> template found or made -> READY or FAILED
 *		          -> no template yet, and a setup command: SETUP
 *			     -> worker 0 -> commit -> READY or FAILED
 *		-> snapshot -> READY or FAILED
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/base/file.h"
#include "tools/db/private/import.h"
#include "tools/db/private/worker.h"
#include "tools/db/template/cache.h"
#include "tools/db/template/snapshot.h"

enum { TEMPLATE_DEADLINE_MS = 600000, PROGRESS_MS = 3000, QUICK_IMPORT_MS = 2000 };

/* Let the workers that wait go on, or tell them @failure. */
static void settle(struct private_mode *mode, const char *failure)
{
	loop_cancel(mode->db->config.loop, mode->progress);
	mode->progress = NULL;
	mode->state = failure ? SOURCE_FAILED : SOURCE_READY;
	free(mode->failure);
	mode->failure = str_copy(failure);
	for (struct db_worker *worker = mode->db->workers, *next; worker; worker = next) {
		struct private_worker *self = worker->mode_data;

		next = worker->next;
		if (!self->waiting || worker->ending || private_worker_makes_template(self))
			continue;
		self->waiting = false;
		if (failure)
			private_worker_give_up(self, -EIO, failure);
		else
			private_worker_start(self);
	}
	if (mode->db->config.settled)
		mode->db->config.settled(mode->db->config.arg, failure);
}

static void say(struct private_mode *mode, enum db_record_kind kind, char *text)
{
	struct db_worker no_worker = { .db = mode->db };

	db_record(&no_worker, kind, 0, -1, text);
	free(text);
}

static void record(struct private_mode *mode, const char *detail)
{
	struct db_worker no_worker = { .db = mode->db };

	db_record(&no_worker, DB_RECORD_TEMPLATE, 0, clock_ms() - mode->began_ms, detail);
}

static void on_collected(void *arg, int error, const char *text)
{
	struct private_mode *mode = arg;

	(void)error;
	(void)text;
	mode->collect = NULL;
}

static int start_job(struct private_mode *mode, bool as_server, child_fn run, void *done_arg,
                     job_done_fn done, struct job **ret_job)
{
	return job_start(
		&(struct job_setup){ .loop = mode->db->config.loop,
	                             .uid = as_server ? mode->programs.uid : 0,
	                             .gid = as_server ? mode->programs.gid : 0,
	                             .keep_fd = mode->template_lock > 0 ? mode->template_lock : 0,
	                             .deadline_ms = TEMPLATE_DEADLINE_MS,
	                             .run = run,
	                             .arg = &mode->plan,
	                             .done = done,
	                             .done_arg = done_arg },
		ret_job);
}

/* The cache has one template more: bring the others back within the quota. */
static void template_built(struct private_mode *mode)
{
	record(mode, "built");
	(void)start_job(mode, true, template_collect, mode, on_collected, &mode->collect);
}

static void run_setup(struct private_mode *mode)
{
	const struct db_config *config = &mode->db->config;

	mode->state = SOURCE_SETUP; /* before the call, which prepares worker 0 */
	if (!config->run_setup || config->run_setup(config->arg, config->command))
		settle(mode, "the setup command could not be started");
}

/* --- import --- */

static void on_progress(void *arg)
{
	struct private_mode *mode = arg;

	say(mode, DB_RECORD_IMPORT,
	    str_print("importing %lld MiB from the server: %lld s",
	              (long long)(mode->db->import->size_bytes >> 20),
	              (long long)((clock_ms() - mode->began_ms) / 1000)));
	mode->progress = loop_after(mode->db->config.loop, clock_ms() - mode->began_ms, on_progress,
	                            mode);
}

/* @how	of the template: built, setup or cached */
static void say_what_is_imported(struct private_mode *mode, const char *how)
{
	const struct db_import *import = mode->db->import;
	long long mib = (long long)(import->size_bytes >> 20), age_s = mode->import_age_s;
	cleanup_free char *age = age_s < 120 ? str_print("%lld s", age_s)
	                                     : str_print("%lld minutes", age_s / 60);

	if (mode->db->config.command)
		say(mode, DB_RECORD_IMPORTED,
		    str_print("roles, settings and extensions are those of the server at %s",
		              import->where));
	else if (strcmp(how, "cached") != 0)
		say(mode, DB_RECORD_IMPORT,
		    str_print("imported %lld MiB from the server at %s in %.1f s", mib,
		              import->where, (double)(clock_ms() - mode->began_ms) / 1000));
	else if (mode->import_is_old)
		say(mode, DB_RECORD_IMPORT,
		    str_print("the databases (%lld MiB) were imported from %s %s ago and may "
		              "have changed since\nhint: berth db pull",
		              mib, import->where, age));
	else
		say(mode, DB_RECORD_IMPORTED,
		    str_print("the databases (%lld MiB) were imported from %s %s ago and "
		              "have not changed",
		              mib, import->where, age));
}

/* The record of the last import of these databases: "HASH MILLISECONDS". */
static char *last_import_path(const struct db_programs *programs, const char *key)
{
	return str_print("%s/import-%s", programs->cache, key);
}

/* Note the new template, and drop the one before it unless a run uses it. As the servers' user. */
static int replace_last(const struct private_mode *mode, int64_t took_ms)
{
	const char *cache = mode->programs.cache;
	cleanup_free char *path = last_import_path(&mode->programs, mode->import_key),
			  *line = str_print("%s %lld", mode->hash, (long long)took_ms),
			  *before = NULL, *name = NULL, *old = NULL;
	cleanup_close int lock = -1;

	if (!file_read(path, &before, NULL) && strcspn(before, " ") == strlen(mode->hash) &&
	    strncmp(before, mode->hash, strlen(mode->hash)) != 0) {
		name = str_print("tpl-%.*s", (int)strlen(mode->hash), before);
		old = str_print("%s/%s", cache, name);
		if (!access(old, F_OK) && !cache_lock(cache, name, LOCK_EX, &lock))
			(void)cache_remove(old);
	}
	return file_replace(path, line, strlen(line), 0600);
}

static bool is_there(const struct private_mode *mode)
{
	cleanup_free char *path = str_print("%s/tpl-%s", mode->programs.cache, mode->hash);
	bool there;

	job_files_as(mode->programs.uid, mode->programs.gid);
	there = !access(path, F_OK);
	job_files_back(mode->programs.uid);
	return there;
}

/* Job, as ourselves; then for good as the servers' user. */
static int make_import(void *arg, struct str *ret_text)
{
	struct private_mode *mode = arg;
	const struct db_programs *programs = &mode->programs;
	struct db_import *import = mode->db->import;
	struct rusage used;
	int ret = 0;

	if (!is_there(mode)) {
		if (flock(mode->plan.lock, LOCK_EX))
			return -errno;
		if (!is_there(mode))
			ret = import_dump(mode->db, programs);
	}
	ret = ret ? ret : job_drop(programs->uid, programs->gid);
	mode->plan.imports = import->engines;
	ret = ret ? ret : template_make(&mode->plan, ret_text);
	if (ret || strcmp(ret_text->text, "ready") != 0)
		return ret;
	/* the processor time: a busy machine must not make the copy old */
	if (getrusage(RUSAGE_CHILDREN, &used))
		return -errno;
	return replace_last(mode, (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
	                                  (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000);
}

static void on_template(void *arg, int error, const char *text)
{
	struct private_mode *mode = arg;
	cleanup_free char *failure = NULL;

	mode->job = NULL;
	loop_cancel(mode->db->config.loop, mode->progress);
	mode->progress = NULL;
	if (mode->db->import && !error)
		say_what_is_imported(mode, text);
	if (error) {
		failure = str_print("no template: %s%s", *text ? text : strerror(-error),
		                    mode->db->import ? "\nhint: --db-mode rename" : "");
	} else if (!strcmp(text, "setup")) {
		run_setup(mode);
		return;
	} else if (!strcmp(text, "cached")) {
		record(mode, text);
	} else {
		template_built(mode);
	}
	settle(mode, failure);
}

static void use_snapshot(struct private_mode *mode, const char *name)
{
	int ret = snapshot_use(&mode->snapshots, &mode->programs, name, mode->shape);
	cleanup_free char *refusal = ret ? snapshot_refusal(name, ret) : NULL;

	mode->source = str_print("snap-%s", name);
	if (!ret)
		record(mode, "snapshot");
	settle(mode, refusal);
}

static void use_template(struct private_mode *mode)
{
	cleanup_free char *path = str_print("%s/tpl-%s.lock", mode->programs.cache, mode->hash);
	int ret;

	mode->source = str_print("tpl-%s", mode->hash);
	job_files_as(mode->programs.uid, mode->programs.gid);
	mode->template_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	ret = mode->template_lock < 0 ? -errno : 0;
	job_files_back(mode->programs.uid);
	mode->plan.lock = mode->template_lock;
	if (!ret && mode->db->import) {
		/* pg_dump runs with our rights, and the cache is the servers' user's */
		ret = job_start(&(struct job_setup){ .loop = mode->db->config.loop,
		                                     .keep_fd = mode->template_lock,
		                                     .deadline_ms = TEMPLATE_DEADLINE_MS,
		                                     .run = make_import,
		                                     .arg = mode,
		                                     .done = on_template,
		                                     .done_arg = mode },
		                &mode->job);
		mode->progress = loop_after(mode->db->config.loop, PROGRESS_MS, on_progress, mode);
	} else if (!ret) {
		ret = start_job(mode, true, template_make, mode, on_template, &mode->job);
	}
	if (ret)
		on_template(mode, ret, "");
}

static void on_hash(void *arg, int error, const char *text)
{
	struct private_mode *mode = arg;
	cleanup_strv char **words = strv_split(text, " ");

	mode->job = NULL;
	if (!error && strv_len(words) != 8)
		error = -EBADMSG;
	if (error) {
		on_template(mode, error,
		            error == -E2BIG ? "too many files named as inputs of the setup" : "");
		return;
	}
	mode->hash = str_copy(words[0]);
	mode->db->template_files = (unsigned int)strtoul(words[1], NULL, 10);
	mode->plan.once = mode->plan.command && !mode->db->template_files;
	mode->shape = str_copy(words[2]);
	while (mode->clone < DB_CLONE_COPY && strcmp(db_clone_names[mode->clone], words[4]) != 0)
		mode->clone++;
	mode->plan.hash = mode->hash;
	mode->import_key = str_copy(words[5]);
	mode->import_age_s = atoll(words[6]);
	mode->import_is_old = !strcmp(words[7], "old");
	if (mode->db->config.snapshot)
		use_snapshot(mode, mode->db->config.snapshot);
	else
		use_template(mode);
}

/* Only an attempt shows how a file system can clone; no list of file systems would be complete. */
static enum db_clone find_clone(const struct db_programs *programs)
{
	const char *only = getenv("BERTH_PG_CLONE");
	enum db_clone clone = DB_CLONE_COPY;

	job_files_as(programs->uid, programs->gid);
	if (!only && db_clone_reflinks(programs->cache))
		clone = DB_CLONE_REFLINK;
	else if ((!only || !strcmp(only, "overlay")) &&
	         db_clone_overlays(programs->cache, programs->uid, programs->gid))
		clone = DB_CLONE_OVERLAY;
	return clone;
}

/*
 * Without a setup command: if the databases have changed since the last import, and that took
 * long, take its template. Add "KEY AGE old", the seconds since then; or "KEY AGE same".
 */
static int choose_import(const struct template_plan *plan, bool pull, struct str *hash,
                         struct str *ret_rest)
{
	struct template_plan any = *plan;
	cleanup_str struct str key = { 0 };
	cleanup_free char *path = NULL, *last = NULL, *template = NULL;
	struct stat info;
	size_t len;
	int ret;

	any.stamp = NULL;
	ret = template_hash(&any, &key);
	if (ret)
		return ret;
	key.text[strcspn(key.text, " ")] = 0; /* the number of files */
	len = strcspn(hash->text, " ");
	path = last_import_path(plan->programs, key.text);
	job_files_as(plan->programs->uid, plan->programs->gid);
	info.st_mtime = time(NULL);
	if (!pull && !plan->command && !file_read(path, &last, NULL) && !stat(path, &info) &&
	    strcspn(last, " ") == len && strncmp(last, hash->text, len) != 0 &&
	    atoll(last + len) >= QUICK_IMPORT_MS) {
		template = str_print("%s/tpl-%.*s", plan->programs->cache, (int)len, last);
		if (access(template, F_OK))
			free(steal(&template));
	}
	job_files_back(plan->programs->uid);
	if (template)
		memcpy(hash->text, last, len);
	str_addf(ret_rest, "%s %lld %s", key.text, (long long)(time(NULL) - info.st_mtime),
	         template ? "old" : "same");
	return 0;
}

/* Job, as ourselves: "HASH FILES SHAPE 0 CLONE KEY AGE same|old". */
static int describe(void *arg, struct str *ret_text)
{
	const struct private_mode *mode = arg;
	const struct template_plan *plan = &mode->plan;
	struct template_plan shape = *plan;
	cleanup_str struct str hash = { 0 }, rest = { 0 };
	int ret = template_hash(&shape, &hash);

	if (!ret && plan->identity)
		ret = choose_import(plan, mode->db->config.pull, &hash, &rest);
	shape.command = shape.identity = shape.stamp = NULL;
	str_addf(ret_text, "%s ", hash.text);
	ret = ret ? ret : template_hash(&shape, ret_text);
	str_addf(ret_text, " %s %s", db_clone_names[find_clone(plan->programs)],
	         rest.len ? rest.text : "- 0 same");
	return ret;
}

int private_source_open(struct private_mode *mode)
{
	return job_start(&(struct job_setup){ .loop = mode->db->config.loop,
	                                      .deadline_ms = TEMPLATE_DEADLINE_MS,
	                                      .run = describe,
	                                      .arg = mode,
	                                      .done = on_hash,
	                                      .done_arg = mode },
	                 &mode->job);
}

static void on_committed(void *arg, int error, const char *text)
{
	struct private_worker *self = arg;

	self->job = NULL;
	if (!error)
		template_built(self->mode);
	settle(self->mode,
	       error ? (*text ? text : "the template could not be put in place") : NULL);
	private_worker_servers_gone(self);
}

/* After a failed setup command the lock is released, and the next run makes the template. */
void private_source_setup_stopped(struct private_worker *self)
{
	struct private_mode *mode = self->mode;

	if (self->worker->failed) {
		flock(mode->template_lock, LOCK_UN);
		settle(mode, "the setup command failed");
		private_worker_servers_gone(self);
	} else if (start_job(mode, true, template_commit, self, on_committed, &self->job)) {
		on_committed(self, -EAGAIN, "");
	}
}
