/* SPDX-License-Identifier: MIT */
/*
 * One worker: a clone of the template and an instance for each database port. In the supervisor, on
 * the loop.
 *
 *	private_worker_start() -> clone (a job) -> instances start -> all_up() -> ...
 *	private_worker_stop() -> instances end -> private_worker_servers_gone()
 *		-> kept or removed (jobs) -> gone
 *		-> after a reset: private_worker_start() again
 *		-> snapshot (a job) -> instances start on the same directory -> all_up()
 */
#include "tools/db/private/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

enum { OLD_SERVER_MAX_MS = 5000 };

int private_worker_socket_rules(const struct private_worker *self, unsigned int i)
{
	const struct db_engine *engine = self->mode->db->specs[i].engine;
	const struct instance_params params = { .socket_dir = self->mode->socket_dir,
		                                .port = self->worker->real[i] };
	cleanup_free char *path = engine->socket_path ? engine->socket_path(&params) : NULL;

	return path ? db_worker_socket_rules(self->worker, i, path) : 0;
}

void private_worker_give_up(struct private_worker *self, int error, const char *text)
{
	cleanup_free char *words = str_print("unable to give the worker its database: %s",
	                                     *text ? text : strerror(-error));

	db_worker_answer(self->worker, error, words);
}

bool private_worker_is_running(const struct private_worker *self)
{
	for (unsigned int i = 0; i < self->mode->db->port_count; i++)
		if (self->instances[i].running)
			return true;
	return false;
}

/* --- start --- */

static void all_up(struct private_worker *self)
{
	struct db_worker *worker = self->worker;
	unsigned int count = self->mode->db->port_count;

	for (unsigned int i = 0; i < count; i++)
		if (!self->instances[i].up)
			return;
	for (unsigned int i = 0; i < count; i++)
		berth_portmap_bound(worker->map, worker->real[i]);
	self->resuming = false;
	self->mode->servers_up(self);
	if (self->refusal) {
		cleanup_free char *refusal = steal(&self->refusal);

		db_worker_refuse(worker, -EIO, refusal);
		return;
	}
	db_record(worker, DB_RECORD_READY, 0, clock_ms() - worker->began_ms,
	          private_worker_makes_template(self) ? "setup" : db_clone_names[self->clone]);
	db_worker_answer(worker, 0, "");
}

/*
 * Return: another attempt may succeed. If another program holds the port, the map moves on to the
 * next one, as the shim would do. If the kernel refuses the overlay after all, the run copies from
 * now on.
 */
static bool can_retry(struct private_instance *instance, int error)
{
	struct private_worker *self = instance->owner;
	uint16_t *real = &self->worker->real[instance->index], next;

	if (error == -ENOTSUP && self->clone == DB_CLONE_OVERLAY && !self->resuming) {
		self->mode->clone = DB_CLONE_COPY;
		return true;
	}
	/* a server of a run that was killed may still be ending: it has locked the data */
	if (error != -EADDRINUSE)
		return private_worker_lasts(self) && self->resuming &&
		       clock_ms() - self->worker->began_ms < OLD_SERVER_MAX_MS;
	next = berth_portmap_move(self->worker->map, BERTH_TCP,
	                          self->mode->db->ports[instance->index], *real);
	if (next)
		*real = next;
	return next;
}

static void on_instance_ready(void *arg, int error, const char *text)
{
	struct private_instance *instance = arg;
	struct private_worker *self = instance->owner;

	if (!error) {
		instance->up = true;
		all_up(self);
		return;
	}
	if (can_retry(instance, error))
		self->restart = true;
	else
		private_worker_give_up(self, error, text);
	private_worker_stop(self, false);
}

static void on_instance_end(void *arg, bool requested, const char *last_line)
{
	struct private_instance *instance = arg;
	struct private_worker *self = instance->owner;
	bool was_up = instance->up;

	instance->running = NULL;
	instance->up = false;
	/* one that never came up is started again, or the worker gives up */
	if (!requested && was_up)
		db_record(self->worker, DB_RECORD_DIED, self->mode->db->ports[instance->index], -1,
		          last_line);
	if (!private_worker_is_running(self))
		private_worker_servers_gone(self);
}

static bool uses_tls(const struct db *db, uint16_t port)
{
	for (unsigned int i = 0; i < db->url_count; i++)
		if (db->urls[i].port == port && db->urls[i].tls)
			return true;
	return false;
}

static void free_paths(struct private_instance *instance)
{
	free(instance->base);
	free(instance->data);
	free(instance->log);
}

static void server_environ(void *arg, char ***envp)
{
	const struct private_instance *instance = arg;
	const struct db_config *config = &instance->owner->mode->db->config;

	if (config->server_environ)
		config->server_environ(config->arg, instance->owner->worker->number, envp);
}

static int start_instance(struct private_worker *self, unsigned int i)
{
	struct db *db = self->mode->db;
	const struct db_server_spec *spec = &db->specs[i];
	struct private_instance *instance = &self->instances[i];
	cleanup_free char *lower = directory_source(self, spec);
	uint16_t real = self->worker->real[i];
	int ret = private_worker_socket_rules(self, i);
	struct instance_setup setup;

	if (ret)
		return ret;
	free_paths(instance);
	*instance = (struct private_instance){ .owner = self, .index = i };
	instance->base = str_print("%s/%u", self->dir, db->ports[i]);
	instance->data = str_print("%s/data", instance->base);
	instance->log = db_server_log(db, self->worker->number, spec);
	setup = (struct instance_setup){ .loop = db->config.loop,
		                         .base = instance->base,
		                         .log = instance->log,
		                         .lower = directory_is_overlay(self, spec) ? lower : NULL,
		                         .environ = server_environ,
		                         .ready = on_instance_ready,
		                         .end = on_instance_end,
		                         .arg = instance };
	setup.params = (struct instance_params){ .programs = &self->mode->programs,
		                                 .spec = spec,
		                                 .data = instance->data,
		                                 .socket_dir = self->mode->socket_dir,
		                                 .project_dir = db->config.project_dir,
		                                 .run_id = db->config.run_id,
		                                 .tls = uses_tls(db, db->ports[i]),
		                                 .port = real,
		                                 .idle_kill_ms = db->config.idle_kill_ms };
	berth_portmap_try(self->worker->map, real);
	return instance_start(&setup, &instance->running);
}

static void start_instances(struct private_worker *self)
{
	int ret = 0;

	for (unsigned int i = 0; i < self->mode->db->port_count && !ret; i++)
		ret = start_instance(self, i);
	if (!ret)
		return;
	private_worker_give_up(self, ret, "");
	private_worker_stop(self, false);
}

/* @mounts	the job needs our own rights, to mount; else it runs as the servers' user */
static int start_job(struct private_worker *self, bool mounts, child_fn run, job_done_fn done)
{
	const struct db_programs *programs = &self->mode->programs;

	return job_start(&(struct job_setup){ .loop = self->mode->db->config.loop,
	                                      .uid = mounts ? 0 : programs->uid,
	                                      .gid = programs->gid,
	                                      .run = run,
	                                      .arg = self,
	                                      .done = done,
	                                      .done_arg = self },
	                 &self->job);
}

static void on_cloned(void *arg, int error, const char *text)
{
	struct private_worker *self = arg;

	self->job = NULL;
	if (self->worker->ending) {
		private_worker_servers_gone(self);
	} else if (!error) {
		start_instances(self);
	} else if (self->clone == DB_CLONE_REFLINK) {
		self->mode->clone = DB_CLONE_COPY;
		private_worker_start(self);
	} else {
		private_worker_give_up(self, error, text);
	}
}

/* The data of an environment: as they were the last time, else a copy of the template. */
static void start_lasting(struct private_worker *self)
{
	cleanup_free char *path = NULL, *shape = NULL;
	int ret;

	self->dir = private_environment_dir(self->mode);
	path = str_print("%s/shape", self->dir);
	if (self->clone == DB_CLONE_OVERLAY)
		self->clone = DB_CLONE_COPY; /* an overlay would need its template */
	job_files_as(self->mode->programs.uid, self->mode->programs.gid);
	ret = file_read(path, &shape, NULL);
	job_files_back(self->mode->programs.uid);
	if (ret == -ENOENT) {
		ret = start_job(self, false, directory_clone, on_cloned);
		if (ret)
			private_worker_give_up(self, ret, "");
	} else if (ret || strcmp(shape, self->mode->shape)) {
		private_worker_give_up(self, -ESTALE,
		                       "what the environment has kept does not fit the settings\n"
		                       "hint: berth down --purge");
	} else {
		self->resuming = true;
		start_instances(self);
	}
}

/*
 * Every attempt (another port, a reset) has a number of its own, and with it a fresh directory: an
 * overlay that was mounted `volatile` must not be mounted again after an unclean end. The old
 * directory may still be in removal.
 */
void private_worker_start(struct private_worker *self)
{
	struct private_mode *mode = self->mode;
	int ret;

	free(self->dir);
	self->clone = mode->clone;
	if (private_worker_makes_template(self)) {
		self->dir = str_print("%s/tpl-%s.building", mode->programs.cache, mode->hash);
		start_instances(self);
		return;
	}
	if (private_worker_lasts(self)) {
		start_lasting(self);
		return;
	}
	self->dir = str_print("%s/clones/%s-%u-w%u", mode->programs.cache, mode->db->config.run_id,
	                      ++mode->generation, self->worker->number);
	ret = start_job(self, false, directory_clone, on_cloned);
	if (ret)
		private_worker_give_up(self, ret, "");
}

void private_worker_stop(struct private_worker *self, bool clean)
{
	for (unsigned int i = 0; i < self->mode->db->port_count; i++)
		if (self->instances[i].running)
			instance_stop(self->instances[i].running, clean);
}

/* --- end --- */

/* A worker that the sampler has watched goes when the sampler has said its last record. */
void private_worker_free(struct private_worker *self)
{
	struct db_worker *worker = self->worker;

	self->over = true;
	if (self->watched)
		return;
	loop_cancel(worker->db->config.loop, self->failure_timer);
	for (unsigned int i = 0; i < DB_PORTS_MAX; i++)
		free_paths(&self->instances[i]);
	free(self->dir);
	free(self->source);
	free(self->snapshot);
	free(self->refusal);
	free(self);
	db_worker_gone(worker);
}

static bool must_keep(const struct private_worker *self)
{
	const struct db_config *config = &self->mode->db->config;

	if (private_worker_lasts(self))
		return true;
	return !private_worker_makes_template(self) && self->worker->usable &&
	       (config->keep || (config->keep_failed && self->worker->failed));
}

void private_worker_end_servers(struct private_worker *self)
{
	bool setup_done = private_worker_makes_template(self) && !self->worker->failed;

	self->last_sample = NULL;
	if (self->over)
		return;
	self->waiting = false;
	if (private_worker_is_running(self))
		private_worker_stop(self, setup_done || must_keep(self));
	else
		private_worker_servers_gone(self);
}

static void on_removed(void *arg, int error, const char *text)
{
	struct private_worker *self = arg;

	(void)text;
	self->job = NULL;
	if (self->restart && !self->worker->ending) {
		self->restart = false;
		private_worker_start(self);
		return;
	}
	if (self->worker->usable)
		db_record(self->worker, DB_RECORD_REMOVED, 0, -1, error ? strerror(-error) : "");
	if (self->worker->ending)
		private_worker_free(self);
}

static void start_end_job(struct private_worker *self, bool mounts, child_fn run, job_done_fn done)
{
	if (start_job(self, mounts, run, done))
		done(self, -EAGAIN, "");
}

static void on_kept(void *arg, int error, const char *text)
{
	struct private_worker *self = arg;
	struct db *db = self->mode->db;

	self->job = NULL;
	if (error)
		db_record(self->worker, DB_RECORD_NOT_KEPT, 0, -1, *text ? text : strerror(-error));
	for (unsigned int i = 0; i < db->port_count && !error; i++) {
		cleanup_free char *data = str_print("%s/%u/data", text, db->ports[i]);
		cleanup_free char *command = db->specs[i].engine->open_command(
			&self->mode->programs, db_url_at(db, i), data);

		db_record(self->worker, DB_RECORD_KEPT, db->ports[i], -1, command);
	}
	start_end_job(self, false, directory_remove, on_removed);
}

static void resume(struct private_worker *self)
{
	self->restart = false;
	start_instances(self);
}

static void on_snapshot(void *arg, int error, const char *text)
{
	struct private_worker *self = arg;

	self->job = NULL;
	free(steal(&self->snapshot));
	if (self->worker->ending) {
		private_worker_servers_gone(self);
		return;
	}
	self->refusal = error ? str_copy(*text ? text : strerror(-error)) : NULL;
	self->resuming = true;
	resume(self);
}

void private_worker_servers_gone(struct private_worker *self)
{
	bool ending = self->worker->ending, makes_template = private_worker_makes_template(self);

	if (self->job || private_worker_is_running(self) ||
	    (!ending && !self->restart && !self->snapshot))
		return;
	if (self->snapshot && !ending)
		start_end_job(self, true, directory_snapshot, on_snapshot);
	else if (makes_template && self->mode->state == SOURCE_SETUP && !self->restart)
		self->mode->setup_stopped(self);
	else if ((makes_template || self->resuming) && self->restart && !ending)
		resume(self); /* the same directory, another port */
	else if (makes_template || !self->dir)
		private_worker_free(self);
	else if (ending && private_worker_lasts(self))
		private_worker_free(self);
	else if (ending && must_keep(self))
		start_end_job(self, true, directory_keep, on_kept);
	else
		start_end_job(self, false, directory_remove, on_removed);
}
