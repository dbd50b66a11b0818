/* SPDX-License-Identifier: MIT */
/*
 * Private mode: every worker has a server of its own for every database port, on a clone of the
 * template. Nothing needs to be renamed, because no one else is on that server. In the supervisor,
 * on the loop.
 *
 *	worker	waits for the source -> clones it -> servers start -> usable
 *		-> servers stop -> clone removed or kept
 *
 * A worker is never given a server that does not listen on the very real port of its map:
 * instance.c.
 */
#include "tools/db/private/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/db/private/import.h"
#include "tools/db/private/worker.h"
#include "tools/db/template/snapshot.h"
#include "tools/process/coprocess.h"

/* --- a worker --- */

static void report_failure(void *arg)
{
	struct private_worker *self = arg;

	self->failure_timer = NULL;
	private_worker_give_up(self, -EIO, self->mode->failure);
}

static int prepare_worker(struct db_worker *worker)
{
	struct private_worker *self = mem_alloc(sizeof(*self));
	struct private_mode *mode = private_mode_of(worker->db);

	*self = (struct private_worker){ .worker = worker, .mode = mode, .waiting = true };
	worker->mode_data = self;
	for (unsigned int i = 0; i < worker->db->port_count; i++) {
		int ret = private_worker_socket_rules(self, i);

		if (ret) {
			free(self);
			return ret;
		}
	}
	if (mode->state == SOURCE_READY ||
	    (private_worker_makes_template(self) && mode->state == SOURCE_SETUP)) {
		self->waiting = false;
		private_worker_start(self);
	} else if (mode->state == SOURCE_FAILED) {
		self->failure_timer = loop_after(worker->db->config.loop, 0, report_failure, self);
	}
	return 0;
}

static int reset_worker(struct db_worker *worker, const char *snapshot)
{
	struct private_worker *self = worker->mode_data;
	struct private_mode *mode = self->mode;
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

static int snapshot_worker(struct db_worker *worker, const char *name)
{
	struct private_worker *self = worker->mode_data;

	if (!private_worker_is_running(self))
		return -ENOENT;
	self->snapshot = str_copy(name);
	private_worker_stop(self, true);
	return 0;
}

static void end_worker(struct db_worker *worker)
{
	sampling_end(worker->mode_data);
}

static char *physical_name(const struct db_worker *worker, unsigned int url)
{
	return str_copy(worker->db->urls[url].name);
}

/* --- the mode --- */

static void close_mode(struct db *db)
{
	struct private_mode *mode = private_mode_of(db);

	job_cancel(mode->job);
	job_cancel(mode->sweep);
	job_cancel(mode->collect);
	coproc_kill(mode->sampler);
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
	loop_cancel(db->config.loop, mode->progress);
	free(mode->import_key);
	free(mode->hash);
	free(mode->shape);
	free(mode->source);
	free(mode->failure);
	free(mode->socket_dir);
	free(mode->run_lock_path);
	free(mode);
	db->mode_data = NULL;
}

/* Find the server programs that a worker needs. *ret_reason names the one that is missing. */
static int find_programs(const struct db *db, struct db_programs *ret_programs, char **ret_reason)
{
	bool postgres = false;
	int ret;

	for (unsigned int i = 0; i < db->port_count; i++)
		postgres |= db->specs[i].engine == &db_engine_postgres;
	ret = postgres ? db_programs_find(ret_programs, ret_reason)
	               : db_programs_place(ret_programs, ret_reason);
	if (!ret && db->import) {
		free(ret_programs->bin);
		ret_programs->bin = db_programs_of_major(db->import->major);
		ret_programs->major = db->import->major;
	}
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

static int make_dir(const struct private_mode *mode, const char *name)
{
	cleanup_free char *path = str_print("%s/%s", mode->programs.cache, name);

	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

/* Make this run's place in the cache, and take the lock that says that the run is alive. */
static int open_cache(struct private_mode *mode)
{
	int ret = make_dir(mode, "clones");

	ret = ret ? ret : make_dir(mode, "kept");
	if (!ret && mode->db->config.environment)
		ret = make_dir(mode, "environments");
	if (ret)
		return ret;
	mode->run_lock_path = str_print("%s/clones/%s.lock", mode->programs.cache,
	                                mode->db->config.run_id);
	mode->run_lock = open(mode->run_lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return mode->run_lock < 0 || flock(mode->run_lock, LOCK_EX | LOCK_NB) ? -errno : 0;
}

static void on_swept(void *arg, int error, const char *text)
{
	struct private_mode *mode = arg;

	(void)error;
	(void)text;
	mode->sweep = NULL;
}

/* Nothing waits for the sweep. If the run ends first, the next run goes on with it. */
static void start_sweep(struct private_mode *mode)
{
	(void)job_start(&(struct job_setup){ .loop = mode->db->config.loop,
	                                     .uid = mode->programs.uid,
	                                     .gid = mode->programs.gid,
	                                     .run = template_sweep,
	                                     .arg = &mode->plan,
	                                     .done = on_swept,
	                                     .done_arg = mode },
	                &mode->sweep);
}

static int open_mode(struct db *db, char **ret_reason)
{
	struct private_mode *mode = mem_alloc(sizeof(*mode));
	struct db_programs *programs = &mode->programs;
	int ret;

	*mode = (struct private_mode){ .db = db,
		                       .run_lock = -1,
		                       .template_lock = -1,
		                       .began_ms = clock_ms(),
		                       .servers_up = sampling_begin,
		                       .setup_stopped = private_source_setup_stopped };
	db->mode_data = mode;
	ret = find_programs(db, programs, ret_reason);
	if (!ret)
		ret = db_programs_socket_dir(programs, db->config.run_dir, &mode->socket_dir);
	if (!ret) {
		job_files_as(programs->uid, programs->gid);
		ret = open_cache(mode);
		job_files_back(programs->uid);
	}
	mode->plan = (struct template_plan){ .programs = programs,
		                             .specs = db->specs,
		                             .spec_count = db->port_count,
		                             .urls = db->urls,
		                             .url_count = db->url_count,
		                             .project_dir = db->config.project_dir,
		                             .command = db->config.command,
		                             .inputs = db->config.inputs,
		                             .guess_inputs = db->config.guess_inputs,
		                             .socket_dir = mode->socket_dir,
		                             .identity = db->import ? db->import->identity : NULL,
		                             .stamp = db->import ? db->import->stamp : NULL,
		                             .role = db->config.role,
		                             .quota_bytes = db->config.template_quota_bytes };
	for (unsigned int i = 0; db->import && i < db->port_count; i++) {
		/* of the server first: the project's own settings override them */
		char **own = db->specs[i].settings;

		db->specs[i].settings = steal(&db->import->settings[i]);
		for (char **setting = own; setting && *setting; setting++)
			strv_add(&db->specs[i].settings, *setting);
		strv_free(own);
	}
	ret = ret ? ret : private_source_open(mode);
	if (ret) {
		close_mode(db);
		return ret;
	}
	start_sweep(mode);
	*ret_reason = programs->bin ? str_print("PostgreSQL %u as user '%s'", programs->major,
	                                        programs->user)
	                            : str_print("as user '%s'", programs->user);
	return 0;
}

const struct db_mode_ops db_mode_private = {
	.open = open_mode,
	.prepare = prepare_worker,
	.reset = reset_worker,
	.snapshot = snapshot_worker,
	.end = end_worker,
	.close = close_mode,
	.physical = physical_name,
};
