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
 * Law: a worker never gets a server that does not listen on the very real port of its map; see cluster.c.
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
#include "tools/db/record_line.h"
#include "tools/db/template/snapshot.h"

enum { LAST_LOOK_MS = 1000 };

/* --- template --- */

static void template_settled(struct db *db, enum template_state state, const char *failure)
{
	struct private *private = private_of(db);

	private->state = state;
	free(private->failure);
	private->failure = str_copy(failure);
	for (struct db_worker *worker = db->workers, *next; worker; worker = next) {
		struct flat *flat = worker->mode_data;

		next = worker->next;
		if (!flat->waiting || worker->ending || flat_makes_template(flat))
			continue;
		flat->waiting = false;
		if (state == TEMPLATE_READY)
			flat_start(flat);
		else
			flat_give_up(flat, -EIO, failure);
	}
}

static void template_record(struct db *db, const char *detail)
{
	struct db_worker nobody = { .db = db };

	db_record(&nobody, DB_RECORD_TEMPLATE, 0, clock_ms() - private_of(db)->began_ms, detail);
}

static void on_chore(void *arg, int error, const char *text)
{
	struct job **chore = arg;

	(void)error;
	(void)text;
	*chore = NULL;
}

/* Clearing up in the cache: nobody waits for it, and what the end of the run cuts short the next one does. */
static void start_chore(struct db *db, job_fn run, struct job **chore)
{
	const struct db_programs *server = &private_of(db)->server;

	(void)job_start(&(struct job_setup){ .loop = db->setup.loop,
	                                     .uid = server->uid,
	                                     .gid = server->gid,
	                                     .run = run,
	                                     .arg = &private_of(db)->plan,
	                                     .done = on_chore,
	                                     .done_arg = chore },
	                chore);
}

static void template_found(struct db *db, bool built)
{
	template_record(db, built ? "built" : "cached");
	if (built)
		start_chore(db, template_collect, &private_of(db)->collect);
}

static void ask_for_setup(struct db *db)
{
	int ret = -ENOSYS;

	private_of(db)->state = TEMPLATE_SETUP; /* before the call: it prepares worker 0 */
	if (db->setup.run_setup)
		ret = db->setup.run_setup(db->setup.arg, db->setup.command);
	if (ret)
		template_settled(db, TEMPLATE_FAILED, "the setup command could not be started");
}

static void on_template(void *arg, int error, const char *text)
{
	struct db *db = arg;
	cleanup_free char *words = NULL;

	private_of(db)->job = NULL;
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

static int start_template_job(struct db *db, job_fn run, bool dropped, job_done_fn done)
{
	struct private *private = private_of(db);

	return job_start(&(struct job_setup){ .loop = db->setup.loop,
	                                      .uid = dropped ? private->server.uid : 0,
	                                      .gid = dropped ? private->server.gid : 0,
	                                      .keep_fd = private->template_lock > 0
	                                                         ? private->template_lock
	                                                         : 0,
	                                      .deadline_ms = 600000,
	                                      .run = run,
	                                      .arg = &private->plan,
	                                      .done = done,
	                                      .done_arg = db },
	                 &private->job);
}

/* Workers are cloned from a snapshot that somebody has taken. */
static void take_snapshot_for_template(struct db *db)
{
	struct private *private = private_of(db);
	const char *name = db->setup.snapshot;
	int ret = snapshot_use(&private->snapshots, &private->server, name, private->shape);
	cleanup_free char *refusal = ret ? snapshot_refusal(name, ret) : NULL;

	private->source = str_print("snap-%s", name);
	if (!ret)
		template_record(db, "snapshot");
	template_settled(db, ret ? TEMPLATE_FAILED : TEMPLATE_READY, refusal);
}

static void take_template(struct db *db)
{
	struct private *private = private_of(db);
	cleanup_free char *path = str_print("%s/tpl-%s.lock", private->server.cache, private->hash);
	int ret;

	private->source = str_print("tpl-%s", private->hash);
	job_files_as(private->server.uid, private->server.gid);
	private->template_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	job_files_back(private->server.uid);
	private->plan.lock = private->template_lock;
	ret = private->template_lock < 0 ? -errno
	                                 : start_template_job(db, template_make, true, on_template);
	if (ret)
		on_template(db, ret, "");
}

static void on_hash(void *arg, int error, const char *text)
{
	struct db *db = arg;
	struct private *private = private_of(db);
	cleanup_strv char **words = strv_split(text, " ");

	private->job = NULL;
	if (!error && strv_len(words) != 3)
		error = -EBADMSG;
	if (error) {
		on_template(db, error,
		            error == -E2BIG ? "too many files named as inputs of the setup" : "");
		return;
	}
	private->hash = str_copy(words[0]);
	private->shape = str_copy(words[1]);
	private->clone = *words[2] == 'r'   ? DB_CLONE_REFLINK
	                 : *words[2] == 'o' ? DB_CLONE_OVERLAY
	                                    : DB_CLONE_COPY;
	private->plan.hash = private->hash;
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
	const struct db_programs *server = plan->server;

	shape.command = NULL;
	str_add(ret_text, " ");
	ret = ret ? ret : template_hash(&shape, ret_text);
	job_files_as(server->uid, server->gid); /* in the cache; the project is ours to read */
	if (!only && db_clone_reflinks(server->cache))
		clone = DB_CLONE_REFLINK;
	else if ((!only || !strcmp(only, "overlay")) &&
	         db_clone_overlays(server->cache, server->uid, server->gid))
		clone = DB_CLONE_OVERLAY;
	str_addf(ret_text, " %s", db_clone_names[clone]);
	return ret;
}

static void on_committed(void *arg, int error, const char *text)
{
	struct flat *flat = arg;
	struct db *db = flat->worker->db;

	flat->job = NULL;
	flat->committing = false;
	if (!error)
		template_found(db, true);
	template_settled(db, error ? TEMPLATE_FAILED : TEMPLATE_READY,
	                 error ? (*text ? text : "the template could not be put in place") : NULL);
	flat_servers_gone(flat);
}

/* Worker 0 has ended: the template is committed if its command succeeded, else it is left for the next run to make. */
void private_setup_ended(struct flat *flat)
{
	struct db *db = flat->worker->db;
	struct private *private = private_of(db);

	if (flat->worker->failed || private->state != TEMPLATE_SETUP) {
		flock(private->template_lock, LOCK_UN);
		template_settled(db, TEMPLATE_FAILED, "the setup command failed");
		flat_servers_gone(flat);
		return;
	}
	flat->committing = true;
	if (job_start(&(struct job_setup){ .loop = db->setup.loop,
	                                   .uid = private->server.uid,
	                                   .gid = private->server.gid,
	                                   .keep_fd = private->template_lock,
	                                   .run = template_commit,
	                                   .arg = &private->plan,
	                                   .done = on_committed,
	                                   .done_arg = flat },
	              &flat->job))
		on_committed(flat, -EAGAIN, "");
}

/* --- the sampler --- */

static void end_servers(struct flat *flat)
{
	bool setup_done = flat_makes_template(flat) && !flat->worker->failed;

	flat->last_look = NULL;
	if (flat->over)
		return;
	flat->waiting = false;
	if (flat_is_running(flat))
		flat_stop(flat, setup_done || flat_wants_keeping(flat));
	else
		flat_servers_gone(flat);
}

static void on_late_look(void *arg)
{
	end_servers(arg);
}

static void stop_watching(struct flat *flat)
{
	bool awaited = flat->last_look;

	flat->watched = false;
	loop_cancel(flat->worker->db->setup.loop, flat->last_look);
	if (flat->over)
		flat_free(flat);
	else if (awaited)
		end_servers(flat);
}

static void on_sampler_said(void *arg, const char *text)
{
	struct db *db = arg;
	unsigned int number, index;
	int rest = 0, sighting = 0;

	if (sscanf(text, "%u %n", &number, &rest) != 1)
		return;
	for (struct db_worker *worker = db->workers; worker; worker = worker->next) {
		struct flat *flat = worker->mode_data;

		if (worker->number != number || !flat->watched)
			continue;
		if (!strcmp(text + rest, "forgotten"))
			stop_watching(flat);
		else if (sscanf(text + rest, "%u %n", &index, &sighting) == 1 && sighting &&
		         index < db->port_count)
			record_line_deliver(worker, db->ports[index], text + rest + sighting);
		return;
	}
}

static void on_sampler_end(void *arg)
{
	struct db *db = arg;

	private_of(db)->sampler = NULL;
	for (struct db_worker *worker = db->workers, *next; worker; worker = next) {
		next = worker->next;
		stop_watching(worker->mode_data);
	}
}

static bool have_sampler(struct db *db)
{
	struct private *private = private_of(db);

	private->sampler_plan = (struct sampler_plan){ db, private->socket_dir };
	return private->sampler ||
	       !coproc_start(db->setup.loop, sampler_main, &private->sampler_plan, on_sampler_said,
	                     on_sampler_end, db, &private->sampler);
}

void private_watch(struct flat *flat)
{
	struct db_worker *worker = flat->worker;
	struct db *db = worker->db;

	for (unsigned int i = 0; i < db->port_count && worker->number; i++) {
		cleanup_free char *data = flat_source(flat, &db->services[i]);
		cleanup_free char *text = str_print("watch %u %u %u %s", worker->number, i,
		                                    worker->real[i], data);

		if (db->services[i].engine != &db_engine_postgres || !have_sampler(db))
			continue;
		coproc_say(private_of(db)->sampler, text);
		flat->watched = true;
	}
}

/* --- a worker --- */

/* The servers stay until the sampler has looked for the last time: what the suite has dropped in its last second is not left. */
static void private_end(struct db_worker *worker)
{
	struct flat *flat = worker->mode_data;
	cleanup_free char *forget = flat->watched ? str_print("forget %u", worker->number) : NULL;

	if (!forget) {
		end_servers(flat);
		return;
	}
	coproc_say(private_of(worker->db)->sampler, forget);
	flat->last_look = loop_after(worker->db->setup.loop, LAST_LOOK_MS, on_late_look, flat);
}

static void tell_failure(void *arg)
{
	struct flat *flat = arg;

	flat->bad_news = NULL;
	flat_give_up(flat, -EIO, private_of(flat->worker->db)->failure);
}

static int private_prepare(struct db_worker *worker)
{
	struct flat *flat = mem_alloc(sizeof(*flat));
	struct private *private = private_of(worker->db);

	*flat = (struct flat){ .worker = worker, .waiting = true };
	worker->mode_data = flat;
	for (unsigned int i = 0; i < worker->db->port_count; i++) {
		int ret = flat_socket_rules(worker, i);

		if (ret) {
			free(flat);
			return ret;
		}
	}
	if (private->state == TEMPLATE_READY ||
	    (flat_makes_template(flat) && private->state == TEMPLATE_SETUP)) {
		flat->waiting = false;
		flat_start(flat);
	} else if (private->state == TEMPLATE_FAILED) {
		flat->bad_news = loop_after(worker->db->setup.loop, 0, tell_failure, flat);
	}
	return 0;
}

static int private_reset(struct db_worker *worker, const char *snapshot)
{
	struct flat *flat = worker->mode_data;
	struct private *private = private_of(worker->db);
	int ret = snapshot ? snapshot_use(&private->snapshots, &private->server, snapshot,
	                                  private->shape)
	                   : 0;

	if (ret)
		return ret;
	free(flat->source);
	flat->source = snapshot ? str_print("snap-%s", snapshot) : NULL;
	flat->again = true;
	if (flat_is_running(flat))
		flat_stop(flat, false);
	else
		flat_servers_gone(flat);
	return 0;
}

static int private_snapshot(struct db_worker *worker, const char *name)
{
	struct flat *flat = worker->mode_data;

	if (!flat_is_running(flat))
		return -ENOENT;
	flat->snapshot = str_copy(name);
	flat_stop(flat, true);
	return 0;
}

/* --- the mode --- */

static int make_dir(const struct private *private, const char *name)
{
	cleanup_free char *path = str_print("%s/%s", private->server.cache, name);

	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

/* The lock that says this run lives. */
static int lock_run(struct private *private, const char *run_id)
{
	private->run_lock_path = str_print("%s/clones/%s.lock", private->server.cache, run_id);
	private->run_lock = open(private->run_lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	                         0600);
	return private->run_lock < 0 || flock(private->run_lock, LOCK_EX | LOCK_NB) ? -errno : 0;
}

static void private_free(struct private *private)
{
	job_cancel(private->job);
	job_cancel(private->sweep);
	job_cancel(private->collect);
	coproc_discard(private->sampler);
	if (private->socket_dir)
		(void)dir_remove(private->socket_dir);
	if (private->run_lock >= 0) {
		job_files_as(private->server.uid, private->server.gid);
		(void)unlink(private->run_lock_path);
		job_files_back(private->server.uid);
		close(private->run_lock);
	}
	if (private->template_lock > 0)
		close(private->template_lock);
	db_programs_free(&private->server);
	snapshot_end(private->snapshots);
	free(private->hash);
	free(private->shape);
	free(private->source);
	free(private->failure);
	free(private->socket_dir);
	free(private->run_lock_path);
	free(private);
}

static void private_close(struct db *db)
{
	private_free(db->mode_data);
	db->mode_data = NULL;
}

/* Every program that a worker needs, or the sentence that says which one is missing. */
static int find_programs(const struct db *db, struct db_programs *ret_server, char **ret_reason)
{
	bool postgres = false;
	int ret;

	for (unsigned int i = 0; i < db->port_count; i++)
		postgres |= db->services[i].engine == &db_engine_postgres;
	ret = postgres ? db_programs_find(ret_server, ret_reason)
	               : db_programs_place(ret_server, ret_reason);
	for (unsigned int i = 0; i < db->port_count && !ret; i++) {
		const struct db_engine *engine = db->services[i].engine;
		cleanup_free char *stamp = engine->stamp(ret_server);

		if (stamp)
			continue;
		*ret_reason = str_print("no %s server program\nhint: apt-get install %s",
		                        engine->name, engine->package);
		ret = -ENOENT;
	}
	return ret;
}

static int private_open(struct db *db, char **ret_reason)
{
	struct private *private = mem_alloc(sizeof(*private));
	int ret;

	private->run_lock = private->template_lock = -1;
	private->began_ms = clock_ms();
	db->mode_data = private;
	ret = find_programs(db, &private->server, ret_reason);
	if (!ret)
		ret = db_programs_socket_dir(&private->server, db->setup.run_dir,
		                             &private->socket_dir);
	if (!ret) {
		job_files_as(private->server.uid, private->server.gid);
		ret = make_dir(private, "clones");
		ret = ret ? ret : make_dir(private, "kept");
		ret = ret ? ret : lock_run(private, db->setup.run_id);
		job_files_back(private->server.uid);
	}
	private->plan = (struct template_plan){ .server = &private->server,
		                                .services = db->services,
		                                .service_count = db->port_count,
		                                .urls = db->urls,
		                                .url_count = db->url_count,
		                                .project_dir = db->setup.project_dir,
		                                .command = db->setup.command,
		                                .inputs = db->setup.inputs,
		                                .quota_bytes = db->setup.template_quota_bytes };
	ret = ret ? ret : start_template_job(db, look, false, on_hash);
	if (ret) {
		private_close(db);
		return ret;
	}
	start_chore(db, template_sweep, &private->sweep);
	*ret_reason = private->server.bin ? str_print("PostgreSQL %u as user '%s'",
	                                              private->server.major, private->server.user)
	                                  : str_print("as user '%s'", private->server.user);
	return 0;
}

static char *private_physical(const struct db_worker *worker, unsigned int url)
{
	return str_copy(worker->db->urls[url].name);
}

const struct db_mode_ops db_mode_private = {
	.name = "private",
	.open = private_open,
	.prepare = private_prepare,
	.reset = private_reset,
	.snapshot = private_snapshot,
	.end = private_end,
	.close = private_close,
	.physical = private_physical,
};
