/* SPDX-License-Identifier: MIT */
/*
 * What one worker has: a clone of the template and a server on each part of it.
 *
 *	flat_start() -> clone (a job) -> servers start -> all_up() -> ... flat_stop() -> servers end -> flat_servers_gone()
 *		-> kept or removed (jobs) -> gone; or, after a reset, flat_start() again
 *		-> snapshot (a job) -> servers start on the same directory -> all_up()
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

bool flat_makes_template(const struct flat *flat)
{
	return !flat->worker->number && flat->worker->db->setup.command;
}

int flat_socket_rules(struct db_worker *worker, unsigned int i)
{
	const struct db *db = worker->db;
	const struct instance_params seat = { .socket_dir = private_of(db)->socket_dir,
		                              .port = worker->real[i] };
	cleanup_free char *path = NULL;

	if (!db->services[i].engine->socket_path)
		return 0;
	path = db->services[i].engine->socket_path(&seat);
	return db_worker_socket_rules(worker, i, path);
}

void flat_give_up(struct flat *flat, int error, const char *text)
{
	cleanup_free char *words = str_print("unable to give the worker its database: %s",
	                                     *text ? text : strerror(-error));

	db_worker_answer(flat->worker, error, words);
}

bool flat_is_running(const struct flat *flat)
{
	for (unsigned int i = 0; i < flat->worker->db->port_count; i++)
		if (flat->units[i].cluster)
			return true;
	return false;
}

static void on_cluster_end(void *arg, bool wanted, const char *last_line)
{
	struct unit *unit = arg;
	struct flat *flat = unit->worker->mode_data;

	unit->cluster = NULL;
	unit->up = false;
	if (!wanted && unit->worker->usable)
		db_record(unit->worker, DB_RECORD_DIED, unit->worker->db->ports[unit->index], -1,
		          last_line);
	if (!flat_is_running(flat))
		flat_servers_gone(flat);
}

static void all_up(struct flat *flat)
{
	struct db_worker *worker = flat->worker;

	for (unsigned int i = 0; i < worker->db->port_count; i++)
		if (!flat->units[i].up)
			return;
	for (unsigned int i = 0; i < worker->db->port_count; i++)
		berth_portmap_bound(worker->map, worker->real[i]);
	flat->resuming = false;
	private_watch(flat);
	if (flat->refusal) {
		cleanup_free char *refusal = steal(&flat->refusal);

		db_worker_refuse(worker, -EIO, refusal);
		return;
	}
	db_record(worker, DB_RECORD_READY, 0, clock_ms() - worker->began_ms,
	          flat_makes_template(flat) ? "setup" : db_clone_names[flat->clone]);
	db_worker_answer(worker, 0, "");
}

/* The port may be another program's: move on as the shim would. The overlay may be refused after all: copy from now on. */
static bool worth_another_try(struct unit *unit, int error)
{
	struct db_worker *worker = unit->worker;
	struct flat *flat = worker->mode_data;
	uint16_t virtual_port = worker->db->ports[unit->index];
	uint16_t next;

	if (error == -ENOTSUP && flat->clone == DB_CLONE_OVERLAY && !flat->resuming) {
		private_of(worker->db)->clone = DB_CLONE_COPY;
		return true;
	}
	if (error != -EADDRINUSE)
		return false;
	next = berth_portmap_move(worker->map, BERTH_TCP, virtual_port, worker->real[unit->index]);
	if (!next)
		return false;
	worker->real[unit->index] = next;
	return true;
}

static void on_cluster_ready(void *arg, int error, const char *text)
{
	struct unit *unit = arg;
	struct flat *flat = unit->worker->mode_data;

	if (!error) {
		unit->up = true;
		all_up(flat);
		return;
	}
	if (worth_another_try(unit, error))
		flat->again = true;
	else
		flat_give_up(flat, error, text);
	flat_stop(flat, false);
}

/* Beside the run's other logs, if the results are kept per run. */
char *db_programs_log(const struct db *db, unsigned int number,
                      const struct db_server_spec *service)
{
	cleanup_free char *dir = str_print("%s/runs/%s", db->setup.results_dir, db->setup.run_id);

	return str_print("%s/w%u.%s-%u.log", access(dir, W_OK) ? db->setup.results_dir : dir,
	                 number, service->engine->name, service->port);
}

static bool wants_tls(const struct db *db, uint16_t port)
{
	for (unsigned int i = 0; i < db->url_count; i++)
		if (db->urls[i].port == port && db->urls[i].tls)
			return true;
	return false;
}

/* A fresh one begins with an empty directory, a clone of what the template has, or the template in the making itself. */
bool flat_is_mounted(const struct flat *flat, const struct db_server_spec *service)
{
	return flat->clone == DB_CLONE_OVERLAY && !flat_makes_template(flat) &&
	       !service->engine->ours;
}

char *flat_source(const struct flat *flat, const struct db_server_spec *service)
{
	const struct private *private = private_of(flat->worker->db);

	return str_print("%s/%s/%u/data", private->server.cache,
	                 flat->source ? flat->source : private->source, service->port);
}

static void seat_free(struct unit *unit)
{
	free(unit->base);
	free(unit->data);
	free(unit->log);
}

static void server_environ(void *arg, char ***envp)
{
	const struct unit *unit = arg;
	const struct db_config *setup = &unit->worker->db->setup;

	if (setup->server_environ)
		setup->server_environ(setup->arg, unit->worker->number, envp);
}

static int start_unit(struct flat *flat, unsigned int i)
{
	struct db_worker *worker = flat->worker;
	struct db *db = worker->db;
	struct private *private = private_of(db);
	const struct db_server_spec *service = &db->services[i];
	struct unit *unit = &flat->units[i];
	cleanup_free char *lower = flat_source(flat, service);
	int ret = flat_socket_rules(worker, i);

	if (ret)
		return ret;
	seat_free(unit);
	*unit = (struct unit){ .worker = worker, .index = i };
	unit->base = str_print("%s/%u", flat->dir, db->ports[i]);
	unit->data = str_print("%s/data", unit->base);
	unit->log = db_programs_log(db, worker->number, service);
	berth_portmap_try(worker->map, worker->real[i]);
	return cluster_start(
		&(struct cluster_setup){ .loop = db->setup.loop,
	                                 .base = unit->base,
	                                 .log = unit->log,
	                                 .lower = flat_is_mounted(flat, service) ? lower : NULL,
	                                 .seat = { &private->server, service, unit->data,
	                                           private->socket_dir, db->setup.project_dir,
	                                           db->setup.run_id, wants_tls(db, db->ports[i]),
	                                           worker->real[i], db->setup.idle_kill_ms },
	                                 .environ = server_environ,
	                                 .ready = on_cluster_ready,
	                                 .end = on_cluster_end,
	                                 .arg = unit },
		&unit->cluster);
}

static void start_servers(struct flat *flat)
{
	for (unsigned int i = 0; i < flat->worker->db->port_count; i++) {
		int ret = start_unit(flat, i);

		if (!ret)
			continue;
		flat_give_up(flat, ret, "");
		flat_stop(flat, false);
		return;
	}
}

static void on_cloned(void *arg, int error, const char *text)
{
	struct flat *flat = arg;

	flat->job = NULL;
	if (flat->worker->ending) {
		flat_servers_gone(flat);
		return;
	}
	if (!error) {
		start_servers(flat);
		return;
	}
	if (flat->clone == DB_CLONE_REFLINK) {
		private_of(flat->worker->db)->clone = DB_CLONE_COPY;
		flat_start(flat);
		return;
	}
	flat_give_up(flat, error, text);
}

/* Job, as the server's user: one service's part of a clone, and its contents if it is no overlay. */
static int clone_service(const struct flat *flat, const struct db_server_spec *service)
{
	static const char *const parts[] = { "data", "upper", "work" };
	cleanup_free char *base = str_print("%s/%u", flat->dir, service->port),
			  *data = str_print("%s/data", base);
	cleanup_free char *from = flat_source(flat, service);
	int ret = mkdir(base, 0700) ? -errno : 0;

	if (service->engine->ours)
		return ret || !mkdir(data, 0700) ? ret : -errno;
	if (!ret && flat->clone != DB_CLONE_OVERLAY)
		return db_clone_tree(from, data, flat->clone);
	for (size_t part = 0; part < ARRAY_LEN(parts) && !ret; part++) {
		cleanup_free char *path = str_print("%s/%s", base, parts[part]);

		ret = mkdir(path, 0700) ? -errno : 0;
	}
	return ret;
}

static int make_clone(void *arg, struct str *ret_text)
{
	struct flat *flat = arg;
	struct db *db = flat->worker->db;
	int ret = mkdir(flat->dir, 0700) ? -errno : 0;

	for (unsigned int i = 0; i < db->port_count && !ret; i++)
		ret = clone_service(flat, &db->services[i]);
	if (ret)
		str_addf(ret_text, "unable to clone the template: %s", strerror(-ret));
	return ret;
}

void flat_start(struct flat *flat)
{
	struct db_worker *worker = flat->worker;
	struct private *private = private_of(worker->db);
	int ret;

	free(flat->dir);
	flat->clone = private->clone;
	if (flat_makes_template(flat)) {
		flat->dir = str_print("%s/tpl-%s.building", private->server.cache, private->hash);
		start_servers(flat);
		return;
	}
	flat->dir = str_print("%s/clones/%s-%u-w%u", private->server.cache,
	                      worker->db->setup.run_id, ++private->generation, worker->number);
	ret = job_start(&(struct job_setup){ .loop = worker->db->setup.loop,
	                                     .uid = private->server.uid,
	                                     .gid = private->server.gid,
	                                     .run = make_clone,
	                                     .arg = flat,
	                                     .done = on_cloned,
	                                     .done_arg = flat },
	                &flat->job);
	if (ret)
		flat_give_up(flat, ret, "");
}

void flat_stop(struct flat *flat, bool clean)
{
	for (unsigned int i = 0; i < flat->worker->db->port_count; i++)
		if (flat->units[i].cluster)
			cluster_stop(flat->units[i].cluster, clean);
}

/* --- the end of a worker --- */

/* The last word about a worker is the sampler's, if it has looked at it. */
void flat_free(struct flat *flat)
{
	struct db_worker *worker = flat->worker;

	flat->over = true;
	if (flat->watched)
		return;
	loop_cancel(worker->db->setup.loop, flat->bad_news);
	for (unsigned int i = 0; i < DB_PORTS_MOST; i++)
		seat_free(&flat->units[i]);
	free(flat->dir);
	free(flat->source);
	free(flat->snapshot);
	free(flat->refusal);
	free(flat);
	db_worker_gone(worker);
}

bool flat_wants_keeping(const struct flat *flat)
{
	const struct db_config *setup = &flat->worker->db->setup;

	return !flat_makes_template(flat) && flat->worker->usable &&
	       (setup->keep || (setup->keep_failed && flat->worker->failed));
}

static int remove_clone(void *arg, struct str *ret_text)
{
	struct flat *flat = arg;

	(void)ret_text;
	return dir_remove(flat->dir);
}

static void on_removed(void *arg, int error, const char *text)
{
	struct flat *flat = arg;

	(void)text;
	flat->job = NULL;
	if (flat->again && !flat->worker->ending) {
		flat->again = false;
		flat_start(flat);
		return;
	}
	if (flat->worker->usable)
		db_record(flat->worker, DB_RECORD_REMOVED, 0, -1, error ? strerror(-error) : "");
	if (flat->worker->ending)
		flat_free(flat);
}

/* Servers go on where they were stopped. */
static void resume(struct flat *flat)
{
	flat->again = false;
	start_servers(flat);
}

static void on_snapshot(void *arg, int error, const char *text)
{
	struct flat *flat = arg;

	flat->job = NULL;
	free(steal(&flat->snapshot));
	if (flat->worker->ending) {
		flat_servers_gone(flat);
		return;
	}
	flat->refusal = error ? str_copy(*text ? text : strerror(-error)) : NULL;
	flat->resuming = true;
	resume(flat);
}

/* As the servers' user, or for mounts as ourselves. */
static void start_end_job(struct flat *flat, bool mounts, job_fn run, job_done_fn done)
{
	const struct db_programs *server = &private_of(flat->worker->db)->server;

	if (job_start(&(struct job_setup){ .loop = flat->worker->db->setup.loop,
	                                   .uid = mounts ? 0 : server->uid,
	                                   .gid = server->gid,
	                                   .run = run,
	                                   .arg = flat,
	                                   .done = done,
	                                   .done_arg = flat },
	              &flat->job))
		done(flat, -EAGAIN, "");
}

static void on_kept(void *arg, int error, const char *text)
{
	struct flat *flat = arg;
	struct db *db = flat->worker->db;

	flat->job = NULL;
	for (unsigned int i = 0; i < db->port_count && !error; i++) {
		cleanup_free char *command = preserve_open_command(db, text, i);

		db_record(flat->worker, DB_RECORD_KEPT, db->ports[i], -1, command);
	}
	start_end_job(flat, false, remove_clone, on_removed);
}

/* No server of the worker runs (any more). What comes next depends on why. */
void flat_servers_gone(struct flat *flat)
{
	struct db_worker *worker = flat->worker;

	if (flat->job || flat_is_running(flat) ||
	    (!worker->ending && !flat->again && !flat->snapshot))
		return;
	if (flat->snapshot && !worker->ending) {
		start_end_job(flat, true, preserve_snapshot, on_snapshot);
		return;
	}
	if (flat_makes_template(flat) && private_of(worker->db)->state == TEMPLATE_SETUP &&
	    !flat->again) {
		private_setup_ended(flat);
		return;
	}
	/* same directory, another port */
	if ((flat_makes_template(flat) || flat->resuming) && flat->again && !worker->ending) {
		resume(flat);
		return;
	}
	if (flat_makes_template(flat) || !flat->dir)
		flat_free(flat);
	else if (worker->ending && flat_wants_keeping(flat))
		start_end_job(flat, true, preserve_keep, on_kept);
	else
		start_end_job(flat, false, remove_clone, on_removed);
}
