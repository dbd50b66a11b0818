/* SPDX-License-Identifier: MIT */
/*
 * What one worker has: a clone of the template and one instance for each part of it.
 *
 *	private_worker_start() -> clone (a job) -> instances start -> all_up() -> ...
 *	private_worker_stop() -> instances end -> private_worker_servers_gone()
 *		-> kept or removed (jobs) -> gone
 *		-> after a reset: private_worker_start() again
 *		-> snapshot (a job) -> instances start on the same directory -> all_up()
 */
#include "tools/db/private/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

bool private_worker_makes_template(const struct private_worker *self)
{
	return !self->worker->number && self->worker->db->setup.command;
}

int private_worker_socket_rules(struct db_worker *worker, unsigned int i)
{
	const struct db *db = worker->db;
	const struct instance_params params = { .socket_dir = private_mode_of(db)->socket_dir,
		                                .port = worker->real[i] };
	cleanup_free char *path = NULL;

	if (!db->specs[i].engine->socket_path)
		return 0;
	path = db->specs[i].engine->socket_path(&params);
	return db_worker_socket_rules(worker, i, path);
}

void private_worker_give_up(struct private_worker *self, int error, const char *text)
{
	cleanup_free char *words = str_print("unable to give the worker its database: %s",
	                                     *text ? text : strerror(-error));

	db_worker_answer(self->worker, error, words);
}

bool private_worker_is_running(const struct private_worker *self)
{
	for (unsigned int i = 0; i < self->worker->db->port_count; i++)
		if (self->instances[i].running)
			return true;
	return false;
}

static void on_instance_end(void *arg, bool wanted, const char *last_line)
{
	struct private_instance *instance = arg;
	struct private_worker *self = instance->worker->mode_data;

	instance->running = NULL;
	instance->up = false;
	if (!wanted && instance->worker->usable)
		db_record(instance->worker, DB_RECORD_DIED,
		          instance->worker->db->ports[instance->index], -1, last_line);
	if (!private_worker_is_running(self))
		private_worker_servers_gone(self);
}

static void all_up(struct private_worker *self)
{
	struct db_worker *worker = self->worker;

	for (unsigned int i = 0; i < worker->db->port_count; i++)
		if (!self->instances[i].up)
			return;
	for (unsigned int i = 0; i < worker->db->port_count; i++)
		berth_portmap_bound(worker->map, worker->real[i]);
	self->resuming = false;
	private_mode_watch(self);
	if (self->refusal) {
		cleanup_free char *refusal = steal(&self->refusal);

		db_worker_refuse(worker, -EIO, refusal);
		return;
	}
	db_record(worker, DB_RECORD_READY, 0, clock_ms() - worker->began_ms,
	          private_worker_makes_template(self) ? "setup" : db_clone_names[self->clone]);
	db_worker_answer(worker, 0, "");
}

/* The port may be another program's: move on as the shim would. The overlay may be refused after all: copy from now on. */
static bool worth_another_try(struct private_instance *instance, int error)
{
	struct db_worker *worker = instance->worker;
	struct private_worker *self = worker->mode_data;
	uint16_t virtual_port = worker->db->ports[instance->index];
	uint16_t next;

	if (error == -ENOTSUP && self->clone == DB_CLONE_OVERLAY && !self->resuming) {
		private_mode_of(worker->db)->clone = DB_CLONE_COPY;
		return true;
	}
	if (error != -EADDRINUSE)
		return false;
	next = berth_portmap_move(worker->map, BERTH_TCP, virtual_port,
	                          worker->real[instance->index]);
	if (!next)
		return false;
	worker->real[instance->index] = next;
	return true;
}

static void on_instance_ready(void *arg, int error, const char *text)
{
	struct private_instance *instance = arg;
	struct private_worker *self = instance->worker->mode_data;

	if (!error) {
		instance->up = true;
		all_up(self);
		return;
	}
	if (worth_another_try(instance, error))
		self->restart = true;
	else
		private_worker_give_up(self, error, text);
	private_worker_stop(self, false);
}

/* Beside the run's other logs, if the results are kept per run. */
char *db_programs_log(const struct db *db, unsigned int number, const struct db_server_spec *spec)
{
	cleanup_free char *dir = str_print("%s/runs/%s", db->setup.results_dir, db->setup.run_id);

	return str_print("%s/w%u.%s-%u.log", access(dir, W_OK) ? db->setup.results_dir : dir,
	                 number, spec->engine->name, spec->port);
}

static bool wants_tls(const struct db *db, uint16_t port)
{
	for (unsigned int i = 0; i < db->url_count; i++)
		if (db->urls[i].port == port && db->urls[i].tls)
			return true;
	return false;
}

/* A fresh one begins with an empty directory, a clone of what the template has, or the template in the making itself. */
bool private_worker_is_mounted(const struct private_worker *self, const struct db_server_spec *spec)
{
	return self->clone == DB_CLONE_OVERLAY && !private_worker_makes_template(self) &&
	       !spec->engine->ours;
}

char *private_worker_source(const struct private_worker *self, const struct db_server_spec *spec)
{
	const struct private_mode *mode = private_mode_of(self->worker->db);

	return str_print("%s/%s/%u/data", mode->programs.cache,
	                 self->source ? self->source : mode->source, spec->port);
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
	const struct db_config *setup = &instance->worker->db->setup;

	if (setup->server_environ)
		setup->server_environ(setup->arg, instance->worker->number, envp);
}

static int start_instance(struct private_worker *self, unsigned int i)
{
	struct db_worker *worker = self->worker;
	struct db *db = worker->db;
	struct private_mode *mode = private_mode_of(db);
	const struct db_server_spec *spec = &db->specs[i];
	struct private_instance *instance = &self->instances[i];
	cleanup_free char *lower = private_worker_source(self, spec);
	int ret = private_worker_socket_rules(worker, i);

	if (ret)
		return ret;
	free_paths(instance);
	*instance = (struct private_instance){ .worker = worker, .index = i };
	instance->base = str_print("%s/%u", self->dir, db->ports[i]);
	instance->data = str_print("%s/data", instance->base);
	instance->log = db_programs_log(db, worker->number, spec);
	berth_portmap_try(worker->map, worker->real[i]);
	return instance_start(
		&(struct instance_setup){ .loop = db->setup.loop,
	                                  .base = instance->base,
	                                  .log = instance->log,
	                                  .lower = private_worker_is_mounted(self, spec) ? lower
	                                                                                 : NULL,
	                                  .params = { &mode->programs, spec, instance->data,
	                                              mode->socket_dir, db->setup.project_dir,
	                                              db->setup.run_id, wants_tls(db, db->ports[i]),
	                                              worker->real[i], db->setup.idle_kill_ms },
	                                  .environ = server_environ,
	                                  .ready = on_instance_ready,
	                                  .end = on_instance_end,
	                                  .arg = instance },
		&instance->running);
}

static void start_servers(struct private_worker *self)
{
	for (unsigned int i = 0; i < self->worker->db->port_count; i++) {
		int ret = start_instance(self, i);

		if (!ret)
			continue;
		private_worker_give_up(self, ret, "");
		private_worker_stop(self, false);
		return;
	}
}

static void on_cloned(void *arg, int error, const char *text)
{
	struct private_worker *self = arg;

	self->job = NULL;
	if (self->worker->ending) {
		private_worker_servers_gone(self);
		return;
	}
	if (!error) {
		start_servers(self);
		return;
	}
	if (self->clone == DB_CLONE_REFLINK) {
		private_mode_of(self->worker->db)->clone = DB_CLONE_COPY;
		private_worker_start(self);
		return;
	}
	private_worker_give_up(self, error, text);
}

/* Job, as the server's user: one service's part of a clone, and its contents if it is no overlay. */
static int clone_spec(const struct private_worker *self, const struct db_server_spec *spec)
{
	static const char *const parts[] = { "data", "upper", "work" };
	cleanup_free char *base = str_print("%s/%u", self->dir, spec->port),
			  *data = str_print("%s/data", base);
	cleanup_free char *from = private_worker_source(self, spec);
	int ret = mkdir(base, 0700) ? -errno : 0;

	if (spec->engine->ours)
		return ret || !mkdir(data, 0700) ? ret : -errno;
	if (!ret && self->clone != DB_CLONE_OVERLAY)
		return db_clone_tree(from, data, self->clone);
	for (size_t part = 0; part < ARRAY_LEN(parts) && !ret; part++) {
		cleanup_free char *path = str_print("%s/%s", base, parts[part]);

		ret = mkdir(path, 0700) ? -errno : 0;
	}
	return ret;
}

static int make_clone(void *arg, struct str *ret_text)
{
	struct private_worker *self = arg;
	struct db *db = self->worker->db;
	int ret = mkdir(self->dir, 0700) ? -errno : 0;

	for (unsigned int i = 0; i < db->port_count && !ret; i++)
		ret = clone_spec(self, &db->specs[i]);
	if (ret)
		str_addf(ret_text, "unable to clone the template: %s", strerror(-ret));
	return ret;
}

void private_worker_start(struct private_worker *self)
{
	struct db_worker *worker = self->worker;
	struct private_mode *mode = private_mode_of(worker->db);
	int ret;

	free(self->dir);
	self->clone = mode->clone;
	if (private_worker_makes_template(self)) {
		self->dir = str_print("%s/tpl-%s.building", mode->programs.cache, mode->hash);
		start_servers(self);
		return;
	}
	self->dir = str_print("%s/clones/%s-%u-w%u", mode->programs.cache, worker->db->setup.run_id,
	                      ++mode->generation, worker->number);
	ret = job_start(&(struct job_setup){ .loop = worker->db->setup.loop,
	                                     .uid = mode->programs.uid,
	                                     .gid = mode->programs.gid,
	                                     .run = make_clone,
	                                     .arg = self,
	                                     .done = on_cloned,
	                                     .done_arg = self },
	                &self->job);
	if (ret)
		private_worker_give_up(self, ret, "");
}

void private_worker_stop(struct private_worker *self, bool clean)
{
	for (unsigned int i = 0; i < self->worker->db->port_count; i++)
		if (self->instances[i].running)
			instance_stop(self->instances[i].running, clean);
}

/* --- the end of a worker --- */

/* The last word about a worker is the sampler's, if it has looked at it. */
void private_worker_free(struct private_worker *self)
{
	struct db_worker *worker = self->worker;

	self->over = true;
	if (self->watched)
		return;
	loop_cancel(worker->db->setup.loop, self->failure_timer);
	for (unsigned int i = 0; i < DB_PORTS_MAX; i++)
		free_paths(&self->instances[i]);
	free(self->dir);
	free(self->source);
	free(self->snapshot);
	free(self->refusal);
	free(self);
	db_worker_gone(worker);
}

bool private_worker_wants_keeping(const struct private_worker *self)
{
	const struct db_config *setup = &self->worker->db->setup;

	return !private_worker_makes_template(self) && self->worker->usable &&
	       (setup->keep || (setup->keep_failed && self->worker->failed));
}

static int remove_clone(void *arg, struct str *ret_text)
{
	struct private_worker *self = arg;

	(void)ret_text;
	return dir_remove(self->dir);
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

/* Servers go on where they were stopped. */
static void resume(struct private_worker *self)
{
	self->restart = false;
	start_servers(self);
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

/* As the servers' user, or for mounts as ourselves. */
static void start_end_job(struct private_worker *self, bool mounts, child_fn run, job_done_fn done)
{
	const struct db_programs *programs = &private_mode_of(self->worker->db)->programs;

	if (job_start(&(struct job_setup){ .loop = self->worker->db->setup.loop,
	                                   .uid = mounts ? 0 : programs->uid,
	                                   .gid = programs->gid,
	                                   .run = run,
	                                   .arg = self,
	                                   .done = done,
	                                   .done_arg = self },
	              &self->job))
		done(self, -EAGAIN, "");
}

static void on_kept(void *arg, int error, const char *text)
{
	struct private_worker *self = arg;
	struct db *db = self->worker->db;

	self->job = NULL;
	for (unsigned int i = 0; i < db->port_count && !error; i++) {
		cleanup_free char *command = keep_open_command(db, text, i);

		db_record(self->worker, DB_RECORD_KEPT, db->ports[i], -1, command);
	}
	start_end_job(self, false, remove_clone, on_removed);
}

/* No server of the worker runs (any more). What comes next depends on why. */
void private_worker_servers_gone(struct private_worker *self)
{
	struct db_worker *worker = self->worker;

	if (self->job || private_worker_is_running(self) ||
	    (!worker->ending && !self->restart && !self->snapshot))
		return;
	if (self->snapshot && !worker->ending) {
		start_end_job(self, true, keep_snapshot, on_snapshot);
		return;
	}
	if (private_worker_makes_template(self) &&
	    private_mode_of(worker->db)->state == TEMPLATE_SETUP && !self->restart) {
		private_mode_setup_ended(self);
		return;
	}
	/* same directory, another port */
	if ((private_worker_makes_template(self) || self->resuming) && self->restart &&
	    !worker->ending) {
		resume(self);
		return;
	}
	if (private_worker_makes_template(self) || !self->dir)
		private_worker_free(self);
	else if (worker->ending && private_worker_wants_keeping(self))
		start_end_job(self, true, keep_directory, on_kept);
	else
		start_end_job(self, false, remove_clone, on_removed);
}
