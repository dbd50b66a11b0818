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
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/pg/cluster.h"
#include "tools/pg/room.h"
#include "tools/pg/template.h"

enum template_state { TEMPLATE_WANTED, TEMPLATE_SETUP, TEMPLATE_READY, TEMPLATE_FAILED };

struct private {
	struct pg_server server;
	struct template_plan plan;
	enum template_state state;
	enum pg_clone clone;
	char *hash, *failure;
	char *socket_dir, *run_lock_path;
	int run_lock, template_lock;
	unsigned int generation;
	struct job *job;	/* the template's */
	int64_t began_ms;
};

/* One server of a worker: one per database port. */
struct unit {
	struct pg_worker *worker;
	unsigned int index;	/* in pg.ports */
	char *base, *log;
	struct cluster *cluster;
	bool up;
};

struct flat {			/* what a worker has in this mode */
	struct pg_worker *worker;
	char *dir;		/* holds PORT/ for each port */
	struct unit units[PG_PORTS_MOST];
	struct job *job;
	enum pg_clone clone;
	bool again;		/* when all servers are gone: start over with a fresh clone */
	bool waiting;		/* for the template */
	struct loop_timer *bad_news;
	bool committing;
};

static void worker_start(struct flat *flat);
static void worker_stop(struct flat *flat, bool clean);
static void worker_servers_gone(struct flat *flat);

static struct private *private_of(const struct pg *pg)
{
	return pg->mode_data;
}

static void give_up(struct flat *flat, int error, const char *text)
{
	cleanup_free char *words = str_print("unable to give the worker its database: %s", *text ? text : strerror(-error));

	pg_worker_answer(flat->worker, error, words);
}

/* --- template --- */

static void template_settled(struct pg *pg, enum template_state state, const char *failure)
{
	struct private *private = private_of(pg);

	private->state = state;
	free(private->failure);
	private->failure = str_copy(failure);
	for (struct pg_worker *worker = pg->workers, *next; worker; worker = next) {
		struct flat *flat = worker->mode_data;

		next = worker->next;
		if (!flat->waiting || worker->ending || !worker->number)
			continue;
		flat->waiting = false;
		if (state == TEMPLATE_READY)
			worker_start(flat);
		else
			give_up(flat, -EIO, failure);
	}
}

static void template_record(struct pg *pg, const char *detail)
{
	struct pg_worker nobody = { .pg = pg };

	pg_record(&nobody, PG_RECORD_TEMPLATE, 0, clock_ms() - private_of(pg)->began_ms, detail);
}

static void ask_for_setup(struct pg *pg)
{
	int ret = -ENOSYS;

	private_of(pg)->state = TEMPLATE_SETUP; /* before the call: it prepares worker 0 */
	if (pg->setup.run_setup)
		ret = pg->setup.run_setup(pg->setup.arg, pg->setup.command);
	if (ret)
		template_settled(pg, TEMPLATE_FAILED, "the setup command could not be started");
}

static void on_template(void *arg, int error, const char *text)
{
	struct pg *pg = arg;
	cleanup_free char *words = NULL;

	private_of(pg)->job = NULL;
	if (error) {
		words = str_print("no template: %s", *text ? text : strerror(-error));
		template_settled(pg, TEMPLATE_FAILED, words);
	} else if (!strcmp(text, "setup")) {
		ask_for_setup(pg);
	} else {
		template_record(pg, strcmp(text, "cached") ? "built" : "cached");
		template_settled(pg, TEMPLATE_READY, NULL);
	}
}

static int start_template_job(struct pg *pg, job_fn run, bool dropped, job_done_fn done)
{
	struct private *private = private_of(pg);

	return job_start(&(struct job_setup){ .loop = pg->setup.loop,
					      .uid = dropped ? private->server.uid : 0,
					      .gid = dropped ? private->server.gid : 0,
					      .keep_fd = private->template_lock > 0 ? private->template_lock : 0,
					      .deadline_ms = 600000,
					      .run = run, .arg = &private->plan, .done = done, .done_arg = pg },
			 &private->job);
}

static void on_hash(void *arg, int error, const char *text)
{
	struct pg *pg = arg;
	struct private *private = private_of(pg);
	cleanup_free char *path = NULL, *copy = str_copy(text);

	private->job = NULL;
	if (!error && strlen(text) < 34)
		error = -EBADMSG;
	if (error) {
		on_template(pg, error, error == -E2BIG ? "too many files named as inputs of the setup" : "");
		return;
	}
	private->clone = copy[33] == 'r' ? PG_CLONE_REFLINK : copy[33] == 'o' ? PG_CLONE_OVERLAY : PG_CLONE_COPY;
	copy[32] = 0;
	private->hash = steal(&copy);
	private->plan.hash = private->hash;
	path = str_print("%s/tpl-%s.lock", private->server.cache, private->hash);
	private->template_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	private->plan.lock = private->template_lock;
	error = private->template_lock < 0 ? -errno : start_template_job(pg, template_make, true, on_template);
	if (error)
		on_template(pg, error, "");
}

/* Job: the hash, then how clones can be made here: tried, because no list of file systems is ever complete. */
static int look(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	int ret = template_hash(arg, ret_text);
	const char *only = getenv("BERTH_PG_CLONE");
	enum pg_clone clone = PG_CLONE_COPY;

	if (only && !strcmp(only, "overlay") && pg_clone_overlays(plan->server->cache))
		clone = PG_CLONE_OVERLAY;
	else if (!only && pg_clone_reflinks(plan->server->cache))
		clone = PG_CLONE_REFLINK;
	else if (!only && pg_clone_overlays(plan->server->cache))
		clone = PG_CLONE_OVERLAY;
	str_addf(ret_text, " %s", pg_clone_names[clone]);
	return ret;
}

static void on_committed(void *arg, int error, const char *text)
{
	struct flat *flat = arg;
	struct pg *pg = flat->worker->pg;

	flat->job = NULL;
	flat->committing = false;
	if (!error)
		template_record(pg, "built");
	template_settled(pg, error ? TEMPLATE_FAILED : TEMPLATE_READY,
			 error ? (*text ? text : "the template could not be put in place") : NULL);
	worker_servers_gone(flat);
}

/* Worker 0 has ended: the template is committed if its command succeeded, else it is left for the next run to make. */
static void setup_ended(struct flat *flat)
{
	struct pg *pg = flat->worker->pg;
	struct private *private = private_of(pg);

	if (flat->worker->failed || private->state != TEMPLATE_SETUP) {
		flock(private->template_lock, LOCK_UN);
		template_settled(pg, TEMPLATE_FAILED, "the setup command failed");
		worker_servers_gone(flat);
		return;
	}
	flat->committing = true;
	if (job_start(&(struct job_setup){ .loop = pg->setup.loop, .uid = private->server.uid, .gid = private->server.gid,
					   .keep_fd = private->template_lock, .run = template_commit, .arg = &private->plan,
					   .done = on_committed, .done_arg = flat }, &flat->job))
		on_committed(flat, -EAGAIN, "");
}

/* --- a worker's servers --- */

static struct unit *first_running(struct flat *flat)
{
	for (unsigned int i = 0; i < flat->worker->pg->port_count; i++)
		if (flat->units[i].cluster)
			return &flat->units[i];
	return NULL;
}

static void on_cluster_end(void *arg, bool wanted, const char *last_line)
{
	struct unit *unit = arg;
	struct flat *flat = unit->worker->mode_data;

	unit->cluster = NULL;
	unit->up = false;
	if (!wanted && unit->worker->usable)
		pg_record(unit->worker, PG_RECORD_DIED, unit->worker->pg->ports[unit->index], -1, last_line);
	if (!first_running(flat))
		worker_servers_gone(flat);
}

static void all_up(struct flat *flat)
{
	struct pg_worker *worker = flat->worker;

	for (unsigned int i = 0; i < worker->pg->port_count; i++)
		if (!flat->units[i].up)
			return;
	for (unsigned int i = 0; i < worker->pg->port_count; i++)
		berth_portmap_bound(worker->map, worker->real[i]);
	pg_record(worker, PG_RECORD_READY, 0, clock_ms() - worker->began_ms,
		  worker->number ? pg_clone_names[flat->clone] : "setup");
	pg_worker_answer(worker, 0, "");
}

/* The port may be another program's: move on as the shim would. The overlay may be refused after all: copy from now on. */
static bool worth_another_try(struct unit *unit, int error)
{
	struct pg_worker *worker = unit->worker;
	struct flat *flat = worker->mode_data;
	uint16_t virtual_port = worker->pg->ports[unit->index];
	uint16_t next;

	if (error == -ENOTSUP && flat->clone == PG_CLONE_OVERLAY) {
		private_of(worker->pg)->clone = PG_CLONE_COPY;
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
		give_up(flat, error, text);
	worker_stop(flat, false);
}

/* Beside the run's other logs, if the results are kept per run. */
char *pg_server_log(const struct pg *pg, unsigned int number, uint16_t port)
{
	cleanup_free char *dir = str_print("%s/runs/%s", pg->setup.results_dir, pg->setup.run_id);

	return str_print("%s/w%u.postgres-%u.log", access(dir, W_OK) ? pg->setup.results_dir : dir, number, port);
}

static bool wants_tls(const struct pg *pg, uint16_t port)
{
	for (unsigned int i = 0; i < pg->url_count; i++)
		if (pg->urls[i].port == port && pg->urls[i].tls)
			return true;
	return false;
}

static int start_unit(struct flat *flat, unsigned int i)
{
	struct pg_worker *worker = flat->worker;
	struct pg *pg = worker->pg;
	struct private *private = private_of(pg);
	struct unit *unit = &flat->units[i];
	cleanup_free char *lower = str_print("%s/tpl-%s/%u/data", private->server.cache, private->hash, pg->ports[i]);
	cleanup_free char *socket = str_print("%s/.s.PGSQL.%u", private->socket_dir, worker->real[i]);
	int ret;

	free(unit->base);
	free(unit->log);
	*unit = (struct unit){ .worker = worker, .index = i };
	unit->base = str_print("%s/%u", flat->dir, pg->ports[i]);
	unit->log = pg_server_log(pg, worker->number, pg->ports[i]);
	ret = pg_worker_socket_rules(worker, pg->ports[i], socket);
	if (ret)
		return ret;
	berth_portmap_try(worker->map, worker->real[i]);
	return cluster_start(&(struct cluster_setup){ .loop = pg->setup.loop, .server = &private->server, .base = unit->base,
						      .lower = flat->clone == PG_CLONE_OVERLAY && worker->number ? lower : NULL,
						      .log = unit->log, .socket_dir = private->socket_dir,
						      .tls = wants_tls(pg, pg->ports[i]), .port = worker->real[i],
						      .ready = on_cluster_ready, .end = on_cluster_end,
						      .arg = unit }, &unit->cluster);
}

static void start_servers(struct flat *flat)
{
	for (unsigned int i = 0; i < flat->worker->pg->port_count; i++) {
		int ret = start_unit(flat, i);

		if (!ret)
			continue;
		give_up(flat, ret, "");
		worker_stop(flat, false);
		return;
	}
}

static void on_cloned(void *arg, int error, const char *text)
{
	struct flat *flat = arg;

	flat->job = NULL;
	if (flat->worker->ending) {
		worker_servers_gone(flat);
		return;
	}
	if (!error) {
		start_servers(flat);
		return;
	}
	if (flat->clone == PG_CLONE_REFLINK) {
		private_of(flat->worker->pg)->clone = PG_CLONE_COPY;
		worker_start(flat);
		return;
	}
	give_up(flat, error, text);
}

/* Job, as the server's user: the directories of a clone, and their contents if it is no overlay. */
static int make_clone(void *arg, struct str *ret_text)
{
	static const char *const parts[] = { "data", "upper", "work" };
	struct flat *flat = arg;
	struct pg *pg = flat->worker->pg;
	struct private *private = private_of(pg);
	int ret = mkdir(flat->dir, 0700) ? -errno : 0;

	for (unsigned int i = 0; i < pg->port_count && !ret; i++) {
		cleanup_free char *base = str_print("%s/%u", flat->dir, pg->ports[i]), *data = str_print("%s/data", base);
		cleanup_free char *from = str_print("%s/tpl-%s/%u/data", private->server.cache, private->hash, pg->ports[i]);

		ret = mkdir(base, 0700) ? -errno : 0;
		for (size_t part = 0; part < ARRAY_LEN(parts) && !ret && flat->clone == PG_CLONE_OVERLAY; part++) {
			cleanup_free char *path = str_print("%s/%s", base, parts[part]);

			ret = mkdir(path, 0700) ? -errno : 0;
		}
		if (!ret && flat->clone != PG_CLONE_OVERLAY)
			ret = pg_clone_tree(from, data, flat->clone);
	}
	if (ret)
		str_addf(ret_text, "unable to clone the template: %s", strerror(-ret));
	return ret;
}

static void worker_start(struct flat *flat)
{
	struct pg_worker *worker = flat->worker;
	struct private *private = private_of(worker->pg);
	int ret;

	free(flat->dir);
	flat->clone = private->clone;
	if (!worker->number) { /* the setup works on the template in the making */
		flat->dir = str_print("%s/tpl-%s.building", private->server.cache, private->hash);
		start_servers(flat);
		return;
	}
	flat->dir = str_print("%s/clones/%s-%u-w%u", private->server.cache, worker->pg->setup.run_id, ++private->generation,
			      worker->number);
	ret = job_start(&(struct job_setup){ .loop = worker->pg->setup.loop, .uid = private->server.uid,
					     .gid = private->server.gid, .run = make_clone, .arg = flat, .done = on_cloned,
					     .done_arg = flat }, &flat->job);
	if (ret)
		give_up(flat, ret, "");
}

static void worker_stop(struct flat *flat, bool clean)
{
	for (unsigned int i = 0; i < flat->worker->pg->port_count; i++)
		if (flat->units[i].cluster)
			cluster_stop(flat->units[i].cluster, clean);
}

/* --- the end of a worker --- */

static void flat_free(struct flat *flat)
{
	struct pg_worker *worker = flat->worker;

	loop_cancel(worker->pg->setup.loop, flat->bad_news);

	for (unsigned int i = 0; i < PG_PORTS_MOST; i++) {
		free(flat->units[i].base);
		free(flat->units[i].log);
	}
	free(flat->dir);
	free(flat);
	pg_worker_gone(worker);
}

static bool wants_keeping(const struct flat *flat)
{
	const struct pg_setup *setup = &flat->worker->pg->setup;

	return flat->worker->number && flat->worker->usable &&
	       (setup->keep || (setup->keep_failed && flat->worker->failed));
}

/* The command that opens a kept cluster, for a shell. */
static char *open_command(const struct private *private, const struct pg *pg, const char *dir, unsigned int i)
{
	const struct pg_url *url = pg->urls;

	while (url->port != pg->ports[i])
		url++;
	return str_print("%s%s%s%s/postgres -D %s/%u/data -p 54320 -k /tmp   # then: psql -h /tmp -p 54320 -U %s %s",
			 private->server.uid ? "runuser -u " : "", private->server.uid ? private->server.user : "",
			 private->server.uid ? " -- " : "", private->server.bin, dir, pg->ports[i], url->role, url->name);
}

/* Job: move a clone to kept/, as complete directories. Answers with the new place. */
static int keep_clone(void *arg, struct str *ret_text)
{
	struct flat *flat = arg;
	struct private *private = private_of(flat->worker->pg);
	cleanup_free char *kept = str_print("%s/kept", private->server.cache);
	cleanup_free char *to = str_print("%s/%s", kept, strrchr(flat->dir, '/') + 1);
	int ret = 0;

	if (flat->clone != PG_CLONE_OVERLAY) {
		ret = rename(flat->dir, to) ? -errno : 0;
	} else if (mkdir(to, 0700) || chown(to, private->server.uid ? private->server.uid : geteuid(), (gid_t)-1)) {
		ret = -errno;
	}
	for (unsigned int i = 0; i < flat->worker->pg->port_count && !ret && flat->clone == PG_CLONE_OVERLAY; i++) {
		uint16_t port = flat->worker->pg->ports[i];
		cleanup_free char *lower = str_print("%s/tpl-%s/%u/data", private->server.cache, private->hash, port);
		cleanup_free char *base = str_print("%s/%u", flat->dir, port), *mark = NULL, *from = NULL;
		cleanup_free char *below = str_print("%s/%u", to, port), *data = str_print("%s/data", below);

		mark = str_print("%s/work/work/incompat", base); /* a clean shutdown came before: nothing is missing */
		(void)dir_remove(mark);
		from = str_print("%s/data", base);
		ret = pg_clone_mount(lower, base);
		ret = ret ? ret : job_drop(private->server.uid, private->server.gid);
		ret = ret || !mkdir(below, 0700) ? ret : -errno;
		ret = ret ? ret : pg_clone_tree(from, data, PG_CLONE_COPY);
	}
	str_add(ret_text, ret ? strerror(-ret) : to);
	return ret;
}

static int remove_clone(void *arg, struct str *ret_text)
{
	struct flat *flat = arg;

	(void)ret_text;
	return template_remove(flat->dir);
}

static void on_removed(void *arg, int error, const char *text)
{
	struct flat *flat = arg;

	(void)text;
	flat->job = NULL;
	if (flat->again && !flat->worker->ending) {
		flat->again = false;
		worker_start(flat);
		return;
	}
	if (flat->worker->usable)
		pg_record(flat->worker, PG_RECORD_REMOVED, 0, -1, error ? strerror(-error) : "");
	if (flat->worker->ending)
		flat_free(flat);
}

static void start_end_job(struct flat *flat, job_fn run, job_done_fn done)
{
	if (job_start(&(struct job_setup){ .loop = flat->worker->pg->setup.loop, .run = run, .arg = flat, .done = done,
					   .done_arg = flat }, &flat->job))
		done(flat, -EAGAIN, "");
}

static void on_kept(void *arg, int error, const char *text)
{
	struct flat *flat = arg;
	struct pg *pg = flat->worker->pg;

	flat->job = NULL;
	for (unsigned int i = 0; i < pg->port_count && !error; i++) {
		cleanup_free char *command = open_command(private_of(pg), pg, text, i);

		pg_record(flat->worker, PG_RECORD_KEPT, pg->ports[i], -1, command);
	}
	start_end_job(flat, remove_clone, on_removed);
}

/* No server of the worker runs (any more). What comes next depends on why. */
static void worker_servers_gone(struct flat *flat)
{
	struct pg_worker *worker = flat->worker;

	if (flat->job || first_running(flat) || (!worker->ending && !flat->again))
		return;
	if (!worker->number && private_of(worker->pg)->state == TEMPLATE_SETUP && !flat->again) {
		setup_ended(flat);
		return;
	}
	if (!worker->number && flat->again && !worker->ending) { /* same directory, another port */
		flat->again = false;
		worker_start(flat);
		return;
	}
	if (!worker->number || !flat->dir)
		flat_free(flat);
	else if (worker->ending && wants_keeping(flat))
		start_end_job(flat, keep_clone, on_kept);
	else
		start_end_job(flat, remove_clone, on_removed);
}

static void private_end(struct pg_worker *worker)
{
	struct flat *flat = worker->mode_data;
	bool setup_done = !worker->number && !worker->failed;

	flat->waiting = false;
	if (first_running(flat))
		worker_stop(flat, setup_done || wants_keeping(flat));
	else
		worker_servers_gone(flat);
}

static void tell_failure(void *arg)
{
	struct flat *flat = arg;

	flat->bad_news = NULL;
	give_up(flat, -EIO, private_of(flat->worker->pg)->failure);
}

static int private_prepare(struct pg_worker *worker)
{
	struct flat *flat = mem_alloc(sizeof(*flat));
	struct private *private = private_of(worker->pg);

	*flat = (struct flat){ .worker = worker, .waiting = true };
	worker->mode_data = flat;
	for (unsigned int i = 0; i < worker->pg->port_count; i++) {
		cleanup_free char *socket = str_print("%s/.s.PGSQL.%u", private->socket_dir, worker->real[i]);
		int ret = pg_worker_socket_rules(worker, worker->pg->ports[i], socket);

		if (ret) {
			free(flat);
			return ret;
		}
	}
	if (private->state == TEMPLATE_READY || (!worker->number && private->state == TEMPLATE_SETUP)) {
		flat->waiting = false;
		worker_start(flat);
	} else if (private->state == TEMPLATE_FAILED) {
		flat->bad_news = loop_after(worker->pg->setup.loop, 0, tell_failure, flat);
	}
	return 0;
}

static int private_reset(struct pg_worker *worker)
{
	struct flat *flat = worker->mode_data;

	flat->again = true;
	if (first_running(flat))
		worker_stop(flat, false);
	else
		worker_servers_gone(flat);
	return 0;
}

/* --- the mode --- */

static void on_swept(void *arg, int error, const char *text)
{
	(void)arg;
	(void)error;
	(void)text;
}

static int make_dir(const struct private *private, const char *name)
{
	cleanup_free char *path = str_print("%s/%s", private->server.cache, name);

	if (mkdir(path, 0700))
		return errno == EEXIST ? 0 : -errno;
	return private->server.uid && chown(path, private->server.uid, private->server.gid) ? -errno : 0;
}

/* The lock that says this run lives; its text is the socket directory, for the sweep of whoever finds it dead. */
static int lock_run(struct private *private, const char *run_id)
{
	private->run_lock_path = str_print("%s/clones/%s.lock", private->server.cache, run_id);
	private->run_lock = open(private->run_lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (private->run_lock < 0 || flock(private->run_lock, LOCK_EX | LOCK_NB))
		return -errno;
	return file_write_all(private->run_lock, private->socket_dir, strlen(private->socket_dir));
}

static void private_free(struct private *private)
{
	job_cancel(private->job);
	if (private->socket_dir)
		(void)dir_remove(private->socket_dir);
	if (private->run_lock >= 0) {
		(void)unlink(private->run_lock_path);
		close(private->run_lock);
	}
	if (private->template_lock > 0)
		close(private->template_lock);
	pg_server_free(&private->server);
	free(private->hash);
	free(private->failure);
	free(private->socket_dir);
	free(private->run_lock_path);
	free(private);
}

static void private_close(struct pg *pg)
{
	private_free(pg->mode_data);
	pg->mode_data = NULL;
}

static int private_open(struct pg *pg, char **ret_reason)
{
	struct private *private = mem_alloc(sizeof(*private));
	int ret;

	private->run_lock = private->template_lock = -1;
	private->began_ms = clock_ms();
	pg->mode_data = private;
	ret = pg_server_find(0, &private->server, ret_reason);
	if (!ret)
		ret = pg_server_socket_dir(&private->server, pg->setup.run_dir, &private->socket_dir);
	ret = ret ? ret : make_dir(private, "clones");
	ret = ret ? ret : make_dir(private, "kept");
	ret = ret ? ret : lock_run(private, pg->setup.run_id);
	private->plan = (struct template_plan){ .server = &private->server, .urls = pg->urls, .url_count = pg->url_count,
						.project_dir = pg->setup.project_dir, .command = pg->setup.command,
						.inputs = pg->setup.inputs };
	ret = ret ? ret : start_template_job(pg, look, false, on_hash);
	if (ret) {
		private_close(pg);
		return ret;
	}
	(void)job_start(&(struct job_setup){ .loop = pg->setup.loop, .run = template_sweep, .arg = &private->plan,
					     .done = on_swept, .done_arg = NULL }, NULL);
	*ret_reason = str_print("PostgreSQL %u as user '%s'", private->server.major, private->server.user);
	return 0;
}

static char *private_physical(const struct pg_worker *worker, unsigned int url)
{
	return str_copy(worker->pg->urls[url].name);
}

const struct pg_mode_ops pg_mode_private = {
	.name = "private",
	.open = private_open,
	.prepare = private_prepare,
	.reset = private_reset,
	.end = private_end,
	.close = private_close,
	.physical = private_physical,
};
