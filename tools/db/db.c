/* SPDX-License-Identifier: MIT */
/*
 * The front of the database module, in the supervisor: chooses the mode, keeps the list of workers,
 * passes orders to the mode and answers to the run. How a worker gets its databases is up to the
 * mode: private/private.c, rename/rename.c.
 */
#include "tools/db/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/str.h"
#include "tools/db/common/answers.h"
#include "tools/db/entries.h"
#include "tools/db/mode/mode.h"
#include "tools/db/private/import.h"
#include "tools/db/private/private.h"
#include "tools/db/rename/rename.h"
#include "tools/db/template/snapshot.h"

static void db_free(struct db *db)
{
	import_free(db);
	for (unsigned int i = 0; i < db->url_count; i++)
		db_url_free(&db->urls[i]);
	free(db->urls);
	for (unsigned int i = 0; i < db->port_count; i++) {
		strv_free(db->specs[i].settings);
		free(db->specs[i].start);
		free(db->specs[i].ready);
		free(db->specs[i].stop);
	}
	free((char *)db->config.run_id);
	free((char *)db->config.project_dir);
	free((char *)db->config.results_dir);
	free((char *)db->config.log_dir);
	free((char *)db->config.run_dir);
	free((char *)db->config.command);
	free((char *)db->config.snapshot);
	free((char *)db->config.environment);
	strv_free((char **)db->config.inputs);
	free(db);
}

static void copy_config(struct db *db, const struct db_config *config)
{
	db->config = *config;
	db->config.run_id = str_copy(config->run_id);
	db->config.project_dir = str_copy(config->project_dir);
	db->config.results_dir = str_copy(config->results_dir);
	db->config.log_dir = str_copy(config->log_dir);
	db->config.run_dir = str_copy(config->run_dir);
	db->config.command = config->command && *config->command ? str_copy(config->command) : NULL;
	db->config.inputs = strv_copy(config->inputs);
	db->config.snapshot = str_copy(config->snapshot);
	db->config.environment = str_copy(config->environment);
	if (!config->template_quota_bytes)
		db->config.template_quota_bytes = 4ull << 30;
	if (!config->import_most_bytes)
		db->config.import_most_bytes = 2ull << 30;
	if (!config->idle_alarm_ms)
		db->config.idle_alarm_ms = 60000;
	if (!config->pool_alarm_percent)
		db->config.pool_alarm_percent = 80;
	db->config.entries = NULL; /* read into urls and specs; their texts hold passwords */
}

/* Rename mode works for PostgreSQL only. Skip databases of other kinds: db_skipped(). */
static void skip_other_kinds(struct db *db)
{
	unsigned int ports = 0, urls = 0;

	for (unsigned int i = 0; i < db->port_count; i++) {
		if (db->specs[i].engine != &db_engine_postgres)
			continue;
		db->ports[ports] = db->ports[i];
		db->specs[ports++] = db->specs[i];
	}
	for (unsigned int i = 0; i < db->url_count; i++) {
		if (db->urls[i].kind == DB_KIND_POSTGRES)
			db->urls[urls++] = db->urls[i];
		else
			db_url_free(&db->urls[i]);
	}
	db->skipped = db->url_count - urls;
	db->port_count = ports;
	db->url_count = urls;
}

unsigned int db_skipped(const struct db *db)
{
	return db->skipped;
}

/*
 * Another program may listen there, so an open port is not enough.
 * Return: 0; -ENOTSUP only some of the servers answer, and *ret_reason.
 */
static int server_answers(const struct db *db, bool *ret_answers, char **ret_reason)
{
	const struct db_url *yes = NULL, *no = NULL;

	for (unsigned int i = 0; i < db->url_count; i++) {
		const struct db_url *url = &db->urls[i];

		if (url->kind != DB_KIND_POSTGRES)
			continue;
		if (url->server_host || db_port_is_postgres(url->port))
			yes = url;
		else
			no = url;
	}
	*ret_answers = yes;
	if (!yes || !no)
		return 0;
	*ret_reason = str_print("a PostgreSQL server answers on port %u, and none on port %u\n"
	                        "hint: start it, or use --db-mode private, which gives each worker "
	                        "its own",
	                        yes->port, no->port);
	return -ENOTSUP;
}

/* Settings need a private server: Berth changes none of a shared one. */
static bool has_settings(const struct db *db)
{
	for (unsigned int i = 0; i < db->port_count; i++)
		if (db->specs[i].engine == &db_engine_postgres && db->specs[i].settings)
			return true;
	return false;
}

static const struct db_mode_ops *const modes[DB_MODES] = {
	[DB_PRIVATE] = &db_mode_private,
	[DB_IMPORT] = &db_mode_private, /* with another template */
	[DB_RENAME] = &db_mode_rename,
};

/*
 * @ret_reason	replaced if the mode is rename in the end
 * Return: 0, and db->mode is what can be done; -errno, *ret_why.
 */
static int look_at_import(struct db *db, char **ret_reason, char **ret_why)
{
	struct db_worker no_worker = { .db = db };
	bool postgres = false, automatic = db->mode == DB_AUTO;
	struct db_programs programs = { 0 };
	cleanup_free char *line = NULL;
	int ret = 0;

	for (unsigned int i = 0; i < db->port_count; i++)
		postgres |= db->specs[i].engine == &db_engine_postgres;
	db->mode = postgres ? DB_IMPORT : DB_PRIVATE;
	if (postgres) {
		ret = db_programs_find(&programs, ret_why);
		ret = ret ? ret : import_look(db, ret_why);
		db_programs_free(&programs);
	}
	if (!ret || (!automatic && ret != -EFBIG))
		return ret;
	db->mode = DB_RENAME;
	/* what refuses the role refuses the rename mode, too, which says so */
	if (*ret_why && ret != -ECONNREFUSED) {
		(*ret_why)[strcspn(*ret_why, "\n")] = 0;
		line = str_print("%s, so --db-mode is rename", *ret_why);
		db_record(&no_worker, DB_RECORD_IMPORT, 0, -1, line);
		free(*ret_reason);
		*ret_reason = steal(ret_why);
	}
	free(steal(ret_why));
	return 0;
}

/*
 * Choose what AUTO stands for.
 * @ret_reason	why, for people; the caller's to free, as *ret_why
 * Return: 0; -errno, and *ret_why is what is wrong.
 */
static int choose_mode(struct db *db, char **ret_reason, char **ret_why)
{
	bool answers = false, remote = false, set = has_settings(db);
	enum db_mode asked = db->mode;
	int ret = asked == DB_AUTO && !set ? server_answers(db, &answers, ret_why) : 0;

	*ret_reason = str_copy(asked != DB_AUTO ? "as asked"
	                       : set            ? "settings are asked for"
	                       : answers        ? "a server answers"
	                                        : "no server answers");
	for (unsigned int i = 0; i < db->url_count; i++)
		remote |= db->urls[i].server_host != NULL;
	if (asked == DB_IMPORT)
		return look_at_import(db, ret_reason, ret_why);
	if (asked == DB_AUTO && answers && !remote) {
		cleanup_free char *why = NULL;

		(void)look_at_import(db, ret_reason, &why);
	} else if (asked == DB_AUTO) {
		db->mode = answers ? DB_RENAME : DB_PRIVATE;
	}
	/* one server of several answers: only private servers can stand for the others */
	return db->mode == DB_RENAME ? ret : 0;
}

static int open_mode(struct db *db, char **ret_reason)
{
	bool set = has_settings(db);
	cleanup_free char *detail = NULL, *why = NULL;
	int ret = choose_mode(db, &why, &detail);

	if (ret) {
		*ret_reason = str_print("%s%s", db->mode == DB_IMPORT ? "import: " : "",
		                        detail ? detail : strerror(-ret));
		return ret;
	}
	if (db->mode == DB_RENAME)
		skip_other_kinds(db);
	if (!db->url_count) /* no PostgreSQL among them */
		db->mode = DB_PRIVATE;
	if (db->mode == DB_RENAME && set) {
		*ret_reason = str_copy("a shared server takes no `settings`: leave them out, or "
		                       "the mode to Berth");
		return -EINVAL;
	}
	db->ops = modes[db->mode];
	if (!db->ops)
		return -ENOTSUP;
	ret = db->ops->open(db, &detail);
	if (ret && !detail)
		detail = str_copy(strerror(-ret));
	*ret_reason = str_print("%s (%s)%s%s", db_mode_names[db->mode], why, detail ? ": " : "",
	                        detail ? detail : "");
	return ret;
}

static void finish(void *arg)
{
	struct db *db = arg;
	void (*closed)(void *) = db->closed;
	void *closed_arg = db->closed_arg;

	if (db->ops)
		db->ops->close(db);
	db_free(db);
	if (closed)
		closed(closed_arg);
}

static void finish_if_idle(struct db *db)
{
	if (db->closing && !db->workers)
		(void)loop_after(db->config.loop, 0, finish, db);
}

/* Return: as entries_read(); *ret_db is there in any case. */
static int read_config(const struct db_config *config, struct db **ret_db, char **ret_reason)
{
	struct db *db = *ret_db = mem_alloc(sizeof(*db));

	copy_config(db, config);
	db->mode = config->mode;
	db->worker_gone = finish_if_idle;
	return entries_read(db, config->entries, config->entry_count, ret_reason);
}

int db_choose(const struct db_config *config, enum db_mode *ret_mode, char **ret_reason)
{
	struct db *db;
	cleanup_free char *why = NULL, *detail = NULL;
	int ret = read_config(config, &db, &detail);

	if (!ret && db->url_count && db->mode != DB_OFF)
		ret = choose_mode(db, &why, &detail);
	*ret_mode = db->mode;
	*ret_reason = ret   ? str_copy(detail ? detail : strerror(-ret))
	              : why ? steal(&why)
	                    : str_copy("off");
	db_free(db);
	return ret;
}

int db_open(const struct db_config *config, struct db **ret_db, char **ret_reason)
{
	struct db *db;
	int ret;

	*ret_reason = NULL;
	ret = read_config(config, &db, ret_reason);
	if (!ret && db->config.snapshot && !snapshot_named(db->config.snapshot)) {
		ret = -EINVAL;
		*ret_reason = snapshot_refusal(db->config.snapshot, ret);
	}
	if (!ret && (!db->url_count || db->mode == DB_OFF)) {
		db->mode = DB_OFF;
		*ret_reason = str_copy("off");
	} else if (!ret) {
		ret = open_mode(db, ret_reason);
	}
	if (ret)
		db_free(db);
	else
		*ret_db = db;
	return ret;
}

unsigned int db_template_files(const struct db *db)
{
	return db->template_files;
}

enum db_mode db_mode_of(const struct db *db)
{
	return db->mode;
}

static struct db_worker *find(const struct db *db, unsigned int number)
{
	struct db_worker *worker = db->workers;

	while (worker && (worker->number != number || worker->ending))
		worker = worker->next;
	return worker;
}

static void off_ready(void *arg)
{
	struct db_worker *worker = arg;

	worker->mode_data = NULL;
	db_worker_answer(worker, 0, "");
}

int db_worker_prepare(struct db *db, unsigned int number, const char *task,
                      struct berth_portmap *map, db_ready_fn ready, void *arg)
{
	struct db_worker *worker;
	int ret = 0;

	if (db->closing || find(db, number))
		return -EALREADY;
	worker = mem_alloc(sizeof(*worker));
	*worker = (struct db_worker){ .db = db,
		                      .number = number,
		                      .task = task,
		                      .map = map,
		                      .ready = ready,
		                      .ready_arg = arg,
		                      .next = db->workers,
		                      .began_ms = clock_ms() };
	db->workers = worker;
	for (unsigned int i = 0; i < db->port_count && db->mode != DB_OFF && !ret; i++) {
		worker->real[i] = berth_portmap_declare(map, db->ports[i]);
		ret = worker->real[i] ? 0 : -ENOSPC;
	}
	if (db->mode == DB_OFF)
		worker->mode_data = loop_after(db->config.loop, 0, off_ready, worker);
	else if (!ret)
		ret = db->ops->prepare(worker);
	if (ret) {
		db->workers = worker->next;
		free(worker);
	}
	return ret;
}

/* Return: 0, and @ready follows; -ENOENT, -EALREADY; of @carry_out. */
static int give_order(struct db *db, unsigned int number,
                      int (*carry_out)(struct db_worker *worker, const char *snapshot),
                      const char *snapshot, db_ready_fn ready, void *arg)
{
	struct db_worker *worker = find(db, number);
	int ret;

	if (!worker || !worker->usable)
		return -ENOENT;
	if (worker->ready)
		return -EALREADY;
	worker->ready = ready;
	worker->ready_arg = arg;
	worker->began_ms = clock_ms();
	ret = carry_out(worker, snapshot);
	if (ret)
		worker->ready = NULL;
	return ret;
}

int db_worker_reset(struct db *db, unsigned int number, const char *snapshot, db_ready_fn ready,
                    void *arg)
{
	if (snapshot && !snapshot_named(snapshot))
		return -EINVAL;
	return db->ops ? give_order(db, number, db->ops->reset, snapshot, ready, arg) : -ENOENT;
}

int db_worker_snapshot(struct db *db, unsigned int number, const char *name, db_ready_fn ready,
                       void *arg)
{
	if (!snapshot_named(name))
		return -EINVAL;
	return db->ops ? give_order(db, number, db->ops->snapshot, name, ready, arg) : -ENOENT;
}

bool db_busy(const struct db *db)
{
	return db->workers;
}

/*
 * Over TLS libpq offers SCRAM with channel binding (RFC 5929). The client's TLS ends at the relay,
 * so the server could not verify the binding.
 */
void db_worker_environ(const struct db *db, char ***envp)
{
	if (db->mode == DB_RENAME && !environ_get(*envp, "PGCHANNELBINDING"))
		environ_set(envp, "PGCHANNELBINDING", "disable");
}

static void end_worker(struct db_worker *worker, bool failed)
{
	worker->ending = true;
	worker->failed = failed;
	if (worker->db->ops) {
		worker->db->ops->end(worker);
		return;
	}
	loop_cancel(worker->db->config.loop, worker->mode_data);
	db_worker_gone(worker);
}

void db_worker_end(struct db *db, unsigned int number, bool failed)
{
	struct db_worker *worker = find(db, number);

	if (worker)
		end_worker(worker, failed);
}

void db_close(struct db *db, void (*done)(void *arg), void *arg)
{
	if (!db) {
		if (done)
			done(arg);
		return;
	}
	db->closed = done;
	db->closed_arg = arg;
	for (struct db_worker *worker = db->workers, *next; worker; worker = next) {
		next = worker->next;
		if (!worker->ending)
			end_worker(worker, true);
	}
	db->closing = true;
	finish_if_idle(db);
}
