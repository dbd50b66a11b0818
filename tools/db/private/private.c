/* SPDX-License-Identifier: MIT */
/*
 * Private clusters: every worker has a server of its own for every database port, on a clone of the template. Names, roles
 * and settings need no renaming because nobody else is there.
 *
 *	template	WANTED -> (hash) -> (make) -> [SETUP: worker 0 runs on tpl-HASH.building itself] -> READY or FAILED
 *	worker		waits for READY -> clones -> servers start -> usable -> servers stop -> clone removed or kept
 *
 * A generation number in the clone's name makes every attempt (another port, a reset) a fresh directory: an overlay's upper
 * directory cannot be mounted twice when it was volatile, and removal can lag behind.
 *
 * Law: a worker never gets a server that does not listen on the very real port of its map; see instance.c.
 */
#include "tools/db/private/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/coprocess.h"
#include "tools/db/mode/record_line.h"
#include "tools/db/template/snapshot.h"

enum { LAST_LOOK_MS = 1000 };

/* --- template --- */

static void template_settled(struct db *db, enum template_state state, const char *failure)
{
	struct private_mode *mode = private_mode_of(db);

	mode->state = state;
	free(mode->failure);
	mode->failure = str_copy(failure);
	for (struct db_worker *worker = db->workers, *next; worker; worker = next) {
		struct private_worker *self = worker->mode_data;

		next = worker->next;
		if (!self->waiting || worker->ending || private_worker_makes_template(self))
			continue;
		self->waiting = false;
		if (state == TEMPLATE_READY)
			private_worker_start(self);
		else
			private_worker_give_up(self, -EIO, failure);
	}
}

static void template_record(struct db *db, const char *detail)
{
	struct db_worker nobody = { .db = db };

	db_record(&nobody, DB_RECORD_TEMPLATE, 0, clock_ms() - private_mode_of(db)->began_ms,
	          detail);
}

static void on_cleanup(void *arg, int error, const char *text)
{
	struct job **cleanup = arg;

	(void)error;
	(void)text;
	*cleanup = NULL;
}

/* Clearing up in the cache: nobody waits for it, and what the end of the run cuts short the next one does. */
static void start_cleanup(struct db *db, child_fn run, struct job **cleanup)
{
	const struct db_programs *programs = &private_mode_of(db)->programs;

	(void)job_start(&(struct job_setup){ .loop = db->setup.loop,
	                                     .uid = programs->uid,
	                                     .gid = programs->gid,
	                                     .run = run,
	                                     .arg = &private_mode_of(db)->plan,
	                                     .done = on_cleanup,
	                                     .done_arg = cleanup },
	                cleanup);
}

static void template_found(struct db *db, bool built)
{
	template_record(db, built ? "built" : "cached");
	if (built)
		start_cleanup(db, template_collect, &private_mode_of(db)->collect);
}

static void ask_for_setup(struct db *db)
{
	int ret = -ENOSYS;

	private_mode_of(db)->state = TEMPLATE_SETUP; /* before the call: it prepares worker 0 */
	if (db->setup.run_setup)
		ret = db->setup.run_setup(db->setup.arg, db->setup.command);
	if (ret)
		template_settled(db, TEMPLATE_FAILED, "the setup command could not be started");
}

static void on_template(void *arg, int error, const char *text)
{
	struct db *db = arg;
	cleanup_free char *words = NULL;

	private_mode_of(db)->job = NULL;
	if (error) {
		words = str_print("no template: %s", *text ? text : strerror(-error));
		template_settled(db, TEMPLATE_FAILED, words);
	} else if (!strcmp(text, "setup")) {
		ask_for_setup(db);
	} else {
		template_found(db, strcmp(text, "cached"));
		template_settled(db, TEMPLATE_READY, NULL);
	}
}

static int start_template_job(struct db *db, child_fn run, bool dropped, job_done_fn done)
{
	struct private_mode *mode = private_mode_of(db);

	return job_start(
		&(struct job_setup){ .loop = db->setup.loop,
	                             .uid = dropped ? mode->programs.uid : 0,
	                             .gid = dropped ? mode->programs.gid : 0,
	                             .keep_fd = mode->template_lock > 0 ? mode->template_lock : 0,
	                             .deadline_ms = 600000,
	                             .run = run,
	                             .arg = &mode->plan,
	                             .done = done,
	                             .done_arg = db },
		&mode->job);
}

/* Workers are cloned from a snapshot that somebody has taken. */
static void take_snapshot_for_template(struct db *db)
{
	struct private_mode *mode = private_mode_of(db);
	const char *name = db->setup.snapshot;
	int ret = snapshot_use(&mode->snapshots, &mode->programs, name, mode->shape);
	cleanup_free char *refusal = ret ? snapshot_refusal(name, ret) : NULL;

	mode->source = str_print("snap-%s", name);
	if (!ret)
		template_record(db, "snapshot");
	template_settled(db, ret ? TEMPLATE_FAILED : TEMPLATE_READY, refusal);
}

static void take_template(struct db *db)
{
	struct private_mode *mode = private_mode_of(db);
	cleanup_free char *path = str_print("%s/tpl-%s.lock", mode->programs.cache, mode->hash);
	int ret;

	mode->source = str_print("tpl-%s", mode->hash);
	job_files_as(mode->programs.uid, mode->programs.gid);
	mode->template_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	job_files_back(mode->programs.uid);
	mode->plan.lock = mode->template_lock;
	ret = mode->template_lock < 0 ? -errno
	                              : start_template_job(db, template_make, true, on_template);
	if (ret)
		on_template(db, ret, "");
}

static void on_hash(void *arg, int error, const char *text)
{
	struct db *db = arg;
	struct private_mode *mode = private_mode_of(db);
	cleanup_strv char **words = strv_split(text, " ");

	mode->job = NULL;
	if (!error && strv_len(words) != 3)
		error = -EBADMSG;
	if (error) {
		on_template(db, error,
		            error == -E2BIG ? "too many files named as inputs of the setup" : "");
		return;
	}
	mode->hash = str_copy(words[0]);
	mode->shape = str_copy(words[1]);
	mode->clone = *words[2] == 'r'   ? DB_CLONE_REFLINK
	              : *words[2] == 'o' ? DB_CLONE_OVERLAY
	                                 : DB_CLONE_COPY;
	mode->plan.hash = mode->hash;
	if (db->setup.snapshot)
		take_snapshot_for_template(db);
	else
		take_template(db);
}

/*
 * Job: the hash, the same without a setup, then how clones can be made here: tried, because no list of file systems is ever
 * complete.
 */
static int look(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	struct template_plan shape = *plan;
	int ret = template_hash(arg, ret_text);
	const char *only = getenv("BERTH_PG_CLONE");
	enum db_clone clone = DB_CLONE_COPY;
	const struct db_programs *programs = plan->programs;

	shape.command = NULL;
	str_add(ret_text, " ");
	ret = ret ? ret : template_hash(&shape, ret_text);
	job_files_as(programs->uid, programs->gid); /* in the cache; the project is ours to read */
	if (!only && db_clone_reflinks(programs->cache))
		clone = DB_CLONE_REFLINK;
	else if ((!only || !strcmp(only, "overlay")) &&
	         db_clone_overlays(programs->cache, programs->uid, programs->gid))
		clone = DB_CLONE_OVERLAY;
	str_addf(ret_text, " %s", db_clone_names[clone]);
	return ret;
}

static void on_committed(void *arg, int error, const char *text)
{
	struct private_worker *self = arg;
	struct db *db = self->worker->db;

	self->job = NULL;
	self->committing = false;
	if (!error)
		template_found(db, true);
	template_settled(db, error ? TEMPLATE_FAILED : TEMPLATE_READY,
	                 error ? (*text ? text : "the template could not be put in place") : NULL);
	private_worker_servers_gone(self);
}

/* Worker 0 has ended: the template is committed if its command succeeded, else it is left for the next run to make. */
void private_mode_setup_ended(struct private_worker *self)
{
	struct db *db = self->worker->db;
	struct private_mode *mode = private_mode_of(db);

	if (self->worker->failed || mode->state != TEMPLATE_SETUP) {
		flock(mode->template_lock, LOCK_UN);
		template_settled(db, TEMPLATE_FAILED, "the setup command failed");
		private_worker_servers_gone(self);
		return;
	}
	self->committing = true;
	if (job_start(&(struct job_setup){ .loop = db->setup.loop,
	                                   .uid = mode->programs.uid,
	                                   .gid = mode->programs.gid,
	                                   .keep_fd = mode->template_lock,
	                                   .run = template_commit,
	                                   .arg = &mode->plan,
	                                   .done = on_committed,
	                                   .done_arg = self },
	              &self->job))
		on_committed(self, -EAGAIN, "");
}

/* --- the sampler --- */

static void end_servers(struct private_worker *self)
{
	bool setup_done = private_worker_makes_template(self) && !self->worker->failed;

	self->last_look = NULL;
	if (self->over)
		return;
	self->waiting = false;
	if (private_worker_is_running(self))
		private_worker_stop(self, setup_done || private_worker_wants_keeping(self));
	else
		private_worker_servers_gone(self);
}

static void on_late_look(void *arg)
{
	end_servers(arg);
}

static void stop_watching(struct private_worker *self)
{
	bool awaited = self->last_look;

	self->watched = false;
	loop_cancel(self->worker->db->setup.loop, self->last_look);
	if (self->over)
		private_worker_free(self);
	else if (awaited)
		end_servers(self);
}

static void on_sampler_said(void *arg, const char *text)
{
	struct db *db = arg;
	unsigned int number, index;
	int rest = 0, sighting = 0;

	if (sscanf(text, "%u %n", &number, &rest) != 1)
		return;
	for (struct db_worker *worker = db->workers; worker; worker = worker->next) {
		struct private_worker *self = worker->mode_data;

		if (worker->number != number || !self->watched)
			continue;
		if (!strcmp(text + rest, "forgotten"))
			stop_watching(self);
		else if (sscanf(text + rest, "%u %n", &index, &sighting) == 1 && sighting &&
		         index < db->port_count)
			record_line_deliver(worker, db->ports[index], text + rest + sighting);
		return;
	}
}

static void on_sampler_end(void *arg)
{
	struct db *db = arg;

	private_mode_of(db)->sampler = NULL;
	for (struct db_worker *worker = db->workers, *next; worker; worker = next) {
		next = worker->next;
		stop_watching(worker->mode_data);
	}
}

static bool have_sampler(struct db *db)
{
	struct private_mode *mode = private_mode_of(db);

	mode->sampler_plan = (struct sampler_plan){ db, mode->socket_dir };
	return mode->sampler || !coproc_start(db->setup.loop, sampler_main, &mode->sampler_plan,
	                                      on_sampler_said, on_sampler_end, db, &mode->sampler);
}

void private_mode_watch(struct private_worker *self)
{
	struct db_worker *worker = self->worker;
	struct db *db = worker->db;

	for (unsigned int i = 0; i < db->port_count && worker->number; i++) {
		cleanup_free char *data = private_worker_source(self, &db->specs[i]);
		cleanup_free char *text = str_print("watch %u %u %u %s", worker->number, i,
		                                    worker->real[i], data);

		if (db->specs[i].engine != &db_engine_postgres || !have_sampler(db))
			continue;
		coproc_say(private_mode_of(db)->sampler, text);
		self->watched = true;
	}
}

/* --- a worker --- */

/* The servers stay until the sampler has looked for the last time: what the suite has dropped in its last second is not left. */
static void private_worker_end(struct db_worker *worker)
{
	struct private_worker *self = worker->mode_data;
	cleanup_free char *forget = self->watched ? str_print("forget %u", worker->number) : NULL;

	if (!forget) {
		end_servers(self);
		return;
	}
	coproc_say(private_mode_of(worker->db)->sampler, forget);
	self->last_look = loop_after(worker->db->setup.loop, LAST_LOOK_MS, on_late_look, self);
}

static void tell_failure(void *arg)
{
	struct private_worker *self = arg;

	self->failure_timer = NULL;
	private_worker_give_up(self, -EIO, private_mode_of(self->worker->db)->failure);
}

static int private_worker_prepare(struct db_worker *worker)
{
	struct private_worker *self = mem_alloc(sizeof(*self));
	struct private_mode *mode = private_mode_of(worker->db);

	*self = (struct private_worker){ .worker = worker, .waiting = true };
	worker->mode_data = self;
	for (unsigned int i = 0; i < worker->db->port_count; i++) {
		int ret = private_worker_socket_rules(worker, i);

		if (ret) {
			free(self);
			return ret;
		}
	}
	if (mode->state == TEMPLATE_READY ||
	    (private_worker_makes_template(self) && mode->state == TEMPLATE_SETUP)) {
		self->waiting = false;
		private_worker_start(self);
	} else if (mode->state == TEMPLATE_FAILED) {
		self->failure_timer = loop_after(worker->db->setup.loop, 0, tell_failure, self);
	}
	return 0;
}

static int private_worker_reset(struct db_worker *worker, const char *snapshot)
{
	struct private_worker *self = worker->mode_data;
	struct private_mode *mode = private_mode_of(worker->db);
	int ret = snapshot ? snapshot_use(&mode->snapshots, &mode->programs, snapshot, mode->shape)
	                   : 0;

	if (ret)
		return ret;
	free(self->source);
	self->source = snapshot ? str_print("snap-%s", snapshot) : NULL;
	self->restart = true;
	if (private_worker_is_running(self))
		private_worker_stop(self, false);
	else
		private_worker_servers_gone(self);
	return 0;
}

static int private_worker_snapshot(struct db_worker *worker, const char *name)
{
	struct private_worker *self = worker->mode_data;

	if (!private_worker_is_running(self))
		return -ENOENT;
	self->snapshot = str_copy(name);
	private_worker_stop(self, true);
	return 0;
}

/* --- the mode --- */

static int make_dir(const struct private_mode *mode, const char *name)
{
	cleanup_free char *path = str_print("%s/%s", mode->programs.cache, name);

	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

/* The lock that says this run lives. */
static int lock_run(struct private_mode *mode, const char *run_id)
{
	mode->run_lock_path = str_print("%s/clones/%s.lock", mode->programs.cache, run_id);
	mode->run_lock = open(mode->run_lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return mode->run_lock < 0 || flock(mode->run_lock, LOCK_EX | LOCK_NB) ? -errno : 0;
}

static void private_mode_free(struct private_mode *mode)
{
	job_cancel(mode->job);
	job_cancel(mode->sweep);
	job_cancel(mode->collect);
	coproc_discard(mode->sampler);
	if (mode->socket_dir)
		(void)dir_remove(mode->socket_dir);
	if (mode->run_lock >= 0) {
		job_files_as(mode->programs.uid, mode->programs.gid);
		(void)unlink(mode->run_lock_path);
		job_files_back(mode->programs.uid);
		close(mode->run_lock);
	}
	if (mode->template_lock > 0)
		close(mode->template_lock);
	db_programs_free(&mode->programs);
	snapshot_end(mode->snapshots);
	free(mode->hash);
	free(mode->shape);
	free(mode->source);
	free(mode->failure);
	free(mode->socket_dir);
	free(mode->run_lock_path);
	free(mode);
}

static void private_mode_close(struct db *db)
{
	private_mode_free(db->mode_data);
	db->mode_data = NULL;
}

/* Every program that a worker needs, or the sentence that says which one is missing. */
static int find_programs(const struct db *db, struct db_programs *ret_programs, char **ret_reason)
{
	bool postgres = false;
	int ret;

	for (unsigned int i = 0; i < db->port_count; i++)
		postgres |= db->specs[i].engine == &db_engine_postgres;
	ret = postgres ? db_programs_find(ret_programs, ret_reason)
	               : db_programs_place(ret_programs, ret_reason);
	for (unsigned int i = 0; i < db->port_count && !ret; i++) {
		const struct db_engine *engine = db->specs[i].engine;
		cleanup_free char *stamp = engine->stamp(ret_programs);

		if (stamp)
			continue;
		*ret_reason = str_print("no %s server program\nhint: apt-get install %s",
		                        engine->name, engine->package);
		ret = -ENOENT;
	}
	return ret;
}

static int private_mode_open(struct db *db, char **ret_reason)
{
	struct private_mode *mode = mem_alloc(sizeof(*mode));
	int ret;

	mode->run_lock = mode->template_lock = -1;
	mode->began_ms = clock_ms();
	db->mode_data = mode;
	ret = find_programs(db, &mode->programs, ret_reason);
	if (!ret)
		ret = db_programs_socket_dir(&mode->programs, db->setup.run_dir, &mode->socket_dir);
	if (!ret) {
		job_files_as(mode->programs.uid, mode->programs.gid);
		ret = make_dir(mode, "clones");
		ret = ret ? ret : make_dir(mode, "kept");
		ret = ret ? ret : lock_run(mode, db->setup.run_id);
		job_files_back(mode->programs.uid);
	}
	mode->plan = (struct template_plan){ .programs = &mode->programs,
		                             .specs = db->specs,
		                             .spec_count = db->port_count,
		                             .urls = db->urls,
		                             .url_count = db->url_count,
		                             .project_dir = db->setup.project_dir,
		                             .command = db->setup.command,
		                             .inputs = db->setup.inputs,
		                             .quota_bytes = db->setup.template_quota_bytes };
	ret = ret ? ret : start_template_job(db, look, false, on_hash);
	if (ret) {
		private_mode_close(db);
		return ret;
	}
	start_cleanup(db, template_sweep, &mode->sweep);
	*ret_reason = mode->programs.bin ? str_print("PostgreSQL %u as user '%s'",
	                                             mode->programs.major, mode->programs.user)
	                                 : str_print("as user '%s'", mode->programs.user);
	return 0;
}

static char *private_worker_physical(const struct db_worker *worker, unsigned int url)
{
	return str_copy(worker->db->urls[url].name);
}

const struct db_mode_ops db_mode_private = {
	.name = "private",
	.open = private_mode_open,
	.prepare = private_worker_prepare,
	.reset = private_worker_reset,
	.snapshot = private_worker_snapshot,
	.end = private_worker_end,
	.close = private_mode_close,
	.physical = private_worker_physical,
};
