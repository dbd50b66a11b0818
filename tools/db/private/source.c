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
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/db/private/worker.h"
#include "tools/db/template/snapshot.h"

enum { TEMPLATE_DEADLINE_MS = 600000 };

/* Let the workers that wait go on, or tell them @failure. */
static void settle(struct private_mode *mode, const char *failure)
{
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

static void on_template(void *arg, int error, const char *text)
{
	struct private_mode *mode = arg;
	cleanup_free char *failure = NULL;

	mode->job = NULL;
	if (error) {
		failure = str_print("no template: %s", *text ? text : strerror(-error));
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
	ret = ret ? ret : start_job(mode, true, template_make, mode, on_template, &mode->job);
	if (ret)
		on_template(mode, ret, "");
}

static void on_hash(void *arg, int error, const char *text)
{
	struct private_mode *mode = arg;
	cleanup_strv char **words = strv_split(text, " ");

	mode->job = NULL;
	if (!error && strv_len(words) != 5)
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

/* Job, as ourselves: "HASH FILES SHAPE 0 CLONE". */
static int describe(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	struct template_plan shape = *plan;
	int ret = template_hash(arg, ret_text);

	shape.command = NULL;
	str_add(ret_text, " ");
	ret = ret ? ret : template_hash(&shape, ret_text);
	str_addf(ret_text, " %s", db_clone_names[find_clone(plan->programs)]);
	return ret;
}

int private_source_open(struct private_mode *mode)
{
	return start_job(mode, false, describe, mode, on_hash, &mode->job);
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
