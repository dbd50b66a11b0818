/* SPDX-License-Identifier: MIT */
/*
 * Databases for the workers of a run. The flow of one:
 *
 *	worker_start() -> database_prepare() -> [template: the room asks for the setup's worker] -> on_ready() -> the
 *	command -> run_worker_over() -> database_worker_over()
 *
 * What is renamed on a shared server and what is private are two rooms of tools/db; a worker waits for both.
 *
 * The setup's worker is a worker like any other (block, map, cgroup, tree, log), but not one of the run's: it takes no
 * slot, is in no total, and the room knows it as number 0. If it fails, every worker that waits is told so and fails
 * with the setup's log as the reason.
 */
#include "tools/run/database.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/log.h"
#include "tools/db/db.h"
#include "tools/db/template/snapshot.h"
#include "tools/db/common/url.h"
#include "tools/run/control.h"
#include "tools/run/watching.h"

enum { CLOSE_MOST_MS = 20000, SLOW_QUERY_MS = 1000 };

enum { ROOMS_MOST = 2 };

struct database {
	struct db *rooms[ROOMS_MOST];
	unsigned int room_count, closed;
	struct control *control;
	struct plan_worker plan; /* of the setup's worker */
	char *argv[4];
	char *setup;   /* shell command; NULL = none */
	char **inputs; /* of it; strv */
	char *reason;
	char **kept; /* lines for the end of the run */
};

bool database_wanted(const struct run_options *options)
{
	return options->database_count && options->db_mode != DB_OFF;
}

/* The run's own, else those of its databases, one after the other. */
static char *setup_of(const struct run_options *options)
{
	struct str text = { 0 };

	if (options->setup)
		return str_copy(options->setup);
	for (unsigned int i = 0; i < options->database_count; i++)
		if (options->database_list[i].setup)
			str_addf(&text, "%s%s", text.len ? "\n" : "set -e\n",
			         options->database_list[i].setup);
	return text.len ? str_take(&text) : NULL;
}

void database_plan(struct run *run)
{
	const struct run_options *options = run->options;
	struct database *database;

	if (!database_wanted(options))
		return;
	database = run->database = mem_alloc(sizeof(*database));
	database->setup = options->snapshot ? NULL : setup_of(options);
	for (unsigned int i = 0; i < options->database_count; i++)
		for (char **input = options->database_list[i].inputs; input && *input; input++)
			strv_add(&database->inputs, *input);
	if (!database->setup)
		return;
	database->argv[0] = (char *)(uintptr_t) "sh";
	database->argv[1] = (char *)(uintptr_t) "-c";
	database->argv[2] = database->setup;
	database->plan = (struct plan_worker){ run->count + 1, (char *)(uintptr_t) "setup",
		                               database->argv };
	run->made = run->count + 1;
}

const struct plan_worker *database_setup_plan(const struct run *run)
{
	return &run->database->plan;
}

static struct run_worker *setup_worker(struct run *run)
{
	return &run->workers[run->count];
}

/* The room counts the setup's worker as 0. */
static unsigned int room_number(const struct run_worker *worker)
{
	return worker->setup ? 0 : worker->number;
}

static void server_environ(void *arg, unsigned int number, char ***envp)
{
	struct run *run = arg;
	const struct run_worker *worker = number ? &run->workers[number - 1] : setup_worker(run);

	isolate_server_environ(run->isolate, worker->map_path, envp);
}

static int run_setup(void *arg, const char *command)
{
	struct run *run = arg;

	(void)command; /* it is the one we gave, and stands in the worker's plan */
	if (run->stop_queue)
		return -ECANCELED;
	worker_start(setup_worker(run));
	return 0;
}

/* What of the records is a finding. */
static void find(struct run_worker *worker, const struct db_record *record)
{
	const char *what = record->detail, *s = strcmp(what, "1") ? "s" : "";
	long long tenths = record->ms / 100;
	cleanup_free char *detail = NULL;
	enum finding_kind kind;

	switch (record->kind) {
	case DB_RECORD_ABANDONED:
		kind = FINDING_session_left;
		detail = str_print("a session on port %u ended with its process, idle in a "
		                   "transaction for %lld.%01lld s",
		                   record->port, tenths / 10, tenths % 10);
		break;
	case DB_RECORD_IDLE:
		kind = FINDING_idle_in_transaction;
		detail = str_print("%s session%s on port %u idle in a transaction, the oldest for "
		                   "%lld.%01lld s",
		                   what, s, record->port, tenths / 10, tenths % 10);
		break;
	case DB_RECORD_IDLE_ENDED:
		kind = FINDING_idle_in_transaction;
		detail = str_print("%s session%s on port %u ended after %lld.%01lld s idle in a "
		                   "transaction (idle-kill)",
		                   what, s, record->port, tenths / 10, tenths % 10);
		break;
	case DB_RECORD_POOL:
		kind = FINDING_connections_low;
		detail = str_print("%s connections of the server on port %u are in use", what,
		                   record->port);
		break;
	case DB_RECORD_REFUSED:
		kind = FINDING_server_refuses;
		detail = str_print("the server on port %u turned clients away %s", record->port,
		                   what);
		break;
	case DB_RECORD_LEFTOVER:
		kind = FINDING_database_left;
		detail = str_print("%s on port %u, which the suite had created", what,
		                   record->port);
		break;
	default: return;
	}
	watching_finding(worker, kind, record->port, record->ms, detail);
}

static void on_record(void *arg, const struct db_record *record)
{
	struct run *run = arg;

	log_act("w%u: %s %s %s", record->worker, db_record_names[record->kind], record->physical,
	        record->detail);
	watching_database(run, record->worker, db_record_names[record->kind], record->database,
	                  record->ms, record->detail);
	if (record->kind == DB_RECORD_KEPT)
		strv_own(&run->database->kept,
		         str_print("w%u: database kept: %s", record->worker, record->detail));
	if (record->kind == DB_RECORD_BREAKER)
		log_line("%s", record->detail);
	if (record->kind == DB_RECORD_DIED)
		strv_own(&run->database->kept,
		         str_print("w%u: its database server ended by itself: %s", record->worker,
		                   record->detail));
	if (record->worker)
		find(&run->workers[record->worker - 1], record);
}

static enum db_mode mode_of(const struct run_options *options)
{
	for (unsigned int i = 0; i < options->database_count && options->db_mode == DB_AUTO; i++)
		if (options->database_list[i].kind == DB_KIND_POSTGRES &&
		    options->database_list[i].mode != DB_OFF &&
		    options->database_list[i].mode != DB_AUTO)
			return options->database_list[i].mode;
	return options->db_mode;
}

/* @private: only what a room that renames has left out. */
static struct db_entry *wanted_of(const struct run_options *options, bool private,
                                  unsigned int *ret_count)
{
	struct db_entry *list = mem_alloc(options->database_count * sizeof(*list));
	unsigned int count = 0;

	for (unsigned int i = 0; i < options->database_count; i++) {
		const struct run_database *database = &options->database_list[i];

		if (database->mode == DB_OFF || (private && database->kind == DB_KIND_POSTGRES))
			continue;
		list[count++] = (struct db_entry){ .kind = database->kind,
			                           .port = (uint16_t)database->port,
			                           .text = database->url ? database->url
			                                                 : database->name,
			                           .settings = database->settings,
			                           .start = database->start,
			                           .ready = database->ready,
			                           .stop = database->stop };
	}
	*ret_count = count;
	return list;
}

static int open_room(struct run *run, bool private)
{
	struct database *database = run->database;
	cleanup_free struct db_entry *wanted = NULL;
	struct db_config setup = {
		.loop = run->loop,
		.run_id = run->id,
		.project_dir = run->project_dir,
		.results_dir = run->results_dir,
		.run_dir = run->dir,
		.workers = run->count,
		.mode = private ? DB_PRIVATE : mode_of(run->options),
		.command = private ? NULL : database->setup,
		.inputs = database->inputs,
		.snapshot = run->options->snapshot,
		.keep = run->options->keep,
		.keep_failed = run->options->keep_failed,
		.template_quota_bytes = run->options->template_quota_bytes,
		.idle_alarm_ms = run->options->idle_alarm_ms,
		.idle_kill_ms = run->options->idle_kill_ms,
		.slow_query_ms = run->options->slow_query_ms ? run->options->slow_query_ms
		                                             : SLOW_QUERY_MS,
		.pool_alarm_percent = run->options->pool_alarm_percent,
		.run_setup = run_setup,
		.record = on_record,
		.server_environ = server_environ,
		.arg = run,
	};
	int ret;

	wanted = wanted_of(run->options, private, &setup.entry_count);
	setup.entries = wanted;
	free(database->reason);
	database->reason = NULL;
	ret = db_open(&setup, &database->rooms[database->room_count], &database->reason);
	database->room_count += !ret;
	return ret;
}

static int check_pool(struct run *run)
{
	const struct run_options *options = run->options;
	struct database *database = run->database;
	/* tasks of which each is known wait for one another (supervisor.c), so only the largest must fit alone */
	const struct db_pool_request wanted = {
		.workers = options->task_pools ? 1 : run->plan->slots,
		.seen = !options->pool,
		.each = options->pool ? options->pool : options->pool_seen
	};
	unsigned int left = 0;
	char *why = NULL;
	int ret = wanted.each ? db_pool_check(database->rooms[0], &wanted, &left, &why) : 0;

	run->pool_left = options->task_pools ? left : 0;
	if (ret) {
		free(database->reason);
		database->reason = why;
	}
	return ret;
}

int database_open(struct run *run, char **ret_error)
{
	struct database *database = run->database;
	int ret;

	if (!database)
		return 0;
	ret = open_room(run, false);
	if (!ret && db_skipped(database->rooms[0]))
		ret = open_room(run, true);
	if (!ret)
		ret = check_pool(run);
	if (ret)
		*ret_error = str_print("unable to provide the database: %s",
		                       database->reason ? database->reason : strerror(-ret));
	if (ret)
		return ret;
	ret = control_open(run, &database->control);
	if (ret)
		*ret_error = str_print("unable to listen in '%s': %s", run->dir, strerror(-ret));
	return ret;
}

static void on_ready(void *arg, unsigned int number, int error, const char *text)
{
	struct run_worker *worker = arg, *setup = setup_worker(worker->run);
	bool setup_failed = worker->run->made > worker->run->count && setup->status == STATE_FAILED;

	(void)number;
	error = worker->end == END_ITSELF ? error : 0; /* who is told to end needs none */
	if (error && !worker->error && setup_failed && setup->log_path)
		worker->error = str_print("the setup command failed: exit status %d (%s)",
		                          setup->exit_status, setup->log_path);
	else if (error && !worker->error)
		worker->error = str_print("unable to provide the database: %s",
		                          text ? text : strerror(-error));
	if (!--worker->rooms_due)
		worker->on_database(worker);
}

int database_prepare(struct run_worker *worker, void (*go)(struct run_worker *worker))
{
	struct database *database = worker->run->database;
	int ret = 0;

	if (!database)
		return 1;
	worker->on_database = go;
	worker->rooms_due = database->room_count;
	for (unsigned int i = 0; i < database->room_count && !ret; i++)
		ret = db_worker_prepare(database->rooms[i], room_number(worker), worker->plan->task,
		                        worker->map, on_ready, worker);
	if (ret == -ENOSPC)
		worker->error = str_print("no real port is left for the database: its block has %u "
		                          "(raise `block`, --block)",
		                          worker->block.len);
	return ret;
}

void database_give_up(struct run_worker *worker)
{
	struct database *database = worker->run->database;

	for (unsigned int i = 0; worker->rooms_due && i < database->room_count; i++)
		db_worker_end(database->rooms[i], room_number(worker), true);
}

void database_environ(const struct run *run, char ***envp)
{
	for (unsigned int i = 0; run->database && i < run->database->room_count; i++)
		db_worker_environ(run->database->rooms[i], envp);
}

void database_worker_over(struct run_worker *worker)
{
	struct database *database = worker->run->database;

	for (unsigned int i = 0; database && worker->on_database && i < database->room_count; i++)
		db_worker_end(database->rooms[i], room_number(worker),
		              worker->status == STATE_FAILED);
	worker->on_database = NULL;
}

/* a reset or a snapshot, in every room */
struct order {
	unsigned int due; /* rooms that have not answered */
	int error;        /* the first */
	char *text;
	database_done_fn done;
	void *arg;
};

static void on_order(void *arg, unsigned int number, int error, const char *text)
{
	struct order *order = arg;

	(void)number;
	if (error && !order->error) {
		order->error = error;
		order->text = str_copy(text ? text : "");
	}
	if (--order->due)
		return;
	order->done(order->arg, order->error, order->text ? order->text : "");
	free(order->text);
	free(order);
}

static int give_order(struct run *run, unsigned int number, const char *name,
                      int (*give)(struct db *db, unsigned int number, const char *name,
                                  db_ready_fn ready, void *arg),
                      database_done_fn done, void *arg)
{
	struct database *database = run->database;
	struct order *order;
	int ret = 0;

	if (!database || number > run->count)
		return -ENOENT;
	order = mem_alloc(sizeof(*order));
	*order = (struct order){ .done = done, .arg = arg };
	for (unsigned int i = 0; i < database->room_count && !ret; i++) {
		ret = give(database->rooms[i], number, name, on_order, order);
		order->due += !ret;
	}
	if (order->due) {
		order->error = ret; /* of a room that would not; the others answer */
		order->text = ret ? database_refusal(name, ret) : NULL;
		return 0;
	}
	free(order);
	return ret;
}

int database_reset(struct run *run, unsigned int number, const char *snapshot,
                   database_done_fn done, void *arg)
{
	return give_order(run, number, snapshot, db_worker_reset, done, arg);
}

int database_snapshot(struct run *run, unsigned int number, const char *name, database_done_fn done,
                      void *arg)
{
	return name ? give_order(run, number, name, db_worker_snapshot, done, arg) : -EINVAL;
}

char *database_refusal(const char *name, int error)
{
	if (error == -ENOENT)
		return str_copy("the worker has no database now");
	if (error == -EALREADY)
		return str_copy("its databases are being reset already");
	return snapshot_refusal(name ? name : "", error);
}

static void on_closed(void *arg)
{
	((struct database *)arg)->closed++;
}

void database_settle(struct run *run)
{
	const struct database *database = run->database;
	int64_t due_ms = clock_ms() + CLOSE_MOST_MS;

	for (unsigned int i = 0; database && i < database->room_count; i++)
		while (db_busy(database->rooms[i]) && clock_ms() < due_ms &&
		       !loop_step(run->loop, 100))
			;
}

void database_close(struct run *run)
{
	struct database *database = run->database;
	int64_t due_ms = clock_ms() + CLOSE_MOST_MS;

	if (!database)
		return;
	control_close(database->control);
	for (unsigned int i = 0; i < database->room_count; i++)
		db_close(database->rooms[i], on_closed, database);
	while (database->closed < database->room_count && clock_ms() < due_ms &&
	       !loop_step(run->loop, 100))
		;
	for (char **line = database->kept; line && *line; line++)
		log_line("%s", *line);
	strv_free(database->kept);
	strv_free(database->inputs);
	free(database->setup);
	free(database->reason);
	free(database);
	run->database = NULL;
}

static void hint_missing(const struct db *db)
{
	struct db_refusal missing;
	cleanup_free char *name = NULL;

	if (!db_find_refusal(db, &missing))
		return;
	name = missing.name;
	if (missing.role) {
		log_line("the private database server does not let in role '%s'", name);
		log_hint("say it in the URL: --db postgresql://%s:PASSWORD@localhost:%u/%s", name,
		         missing.port, missing.database);
	} else {
		log_line("the private database server has no database '%s'", name);
		log_hint("if the suite needs it from the start, add --db %s", name);
	}
}

/* With mode auto a server that runs is the one that is meant; often it is only what a package has started. */
static void hint_stranger(const struct run *run)
{
	if (mode_of(run->options) != DB_AUTO || db_mode_of(run->database->rooms[0]) != DB_RENAME)
		return;
	for (unsigned int i = 0; i < run->count; i++)
		if (run->workers[i].error &&
		    strstr(run->workers[i].error, "connection to server")) {
			log_hint("if that server is not the suite's own: --db-mode private gives "
			         "every worker one");
			return;
		}
}

void database_hint(const struct run *run)
{
	cleanup_free char *text = run->database ? NULL : db_url_default(run->project_dir);
	struct db_url url;

	if (run->database && run->database->room_count) {
		hint_missing(run->database->rooms[0]);
		hint_stranger(run);
	}
	if (!text && !run->database && run->options->db_mode != DB_OFF)
		database_hint_refused(run);
	if (!text || run->options->db_mode == DB_OFF || db_url_parse(text, NULL, &url))
		return;
	if (db_url_local(&url) && *url.host != '/' && !db_port_answers(url.port)) {
		log_line("DATABASE_URL names database '%s', and no server answers on port %u",
		         url.name, url.port);
		log_hint("with --db %s every worker gets one of its own, server included",
		         url.name);
	}
	db_url_free(&url);
}

bool database_has_servers(const struct run *run, bool *ret_commands)
{
	const struct run_options *options = run->options;
	bool servers = false;

	*ret_commands = false;
	for (unsigned int i = 0; run->database && i < run->database->room_count; i++)
		servers |= db_mode_of(run->database->rooms[i]) == DB_PRIVATE;
	for (unsigned int i = 0; servers && i < options->database_count; i++)
		*ret_commands |= options->database_list[i].kind == DB_KIND_COMMAND;
	return servers;
}

char *database_describe(const struct run *run)
{
	static const char *const modes[DB_MODES] = { "auto", "private", "rename", "off" };

	if (!run->database || !run->database->room_count)
		return NULL;
	return str_print("%s%s", modes[db_mode_of(run->database->rooms[0])],
	                 run->database->room_count > 1 ? " and private" : "");
}
