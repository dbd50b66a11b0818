/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. The databases of one worker:
 *
 *	database_prepare() -> [the template: setup.run_setup()] -> ready() -> the command ->
 *	database_worker_over()
 *
 * They come from one or two instances of tools/db: one that renames databases on a shared server,
 * and one that starts private servers. A worker waits for both. tools/db knows the setup command's
 * worker as number 0. If the setup command fails, every worker that waits fails.
 */
#include "tools/run/database/database.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/log.h"
#include "tools/db/private/private.h"
#include "tools/db/template/snapshot.h"
#include "tools/run/database/control.h"
#include "tools/run/database/setup.h"
#include "tools/run/database/role.h"
#include "tools/state/environment.h"

enum { CLOSE_MAX_MS = 20000, SLOW_QUERY_MS = 1000, PROVIDERS_MAX = 2 };

/* What a worker waits for. */
struct database_wait {
	struct database *database;
	bool prepared;
	unsigned int due; /* providers that have not answered */
	char *error;
};

struct database {
	const struct run_options *options;
	struct database_setup setup;
	struct db *providers[PROVIDERS_MAX];
	unsigned int provider_count, closed;
	struct database_wait *waits; /* by the number that tools/db uses */
	struct control *control;
	char *argv[4];
	char *command; /* the setup command, for a shell; NULL = none */
	char **inputs; /* of it; strv */
	bool guess_inputs;
	char **lines; /* for the end of the run; strv */
};

struct database *database_new(const struct run_options *options)
{
	struct database *database;

	if (!options->database_count || options->db_mode == DB_OFF)
		return NULL;
	database = mem_alloc(sizeof(*database));
	database->options = options;
	database->command = options->snapshot ? NULL : setup_command(options);
	database->guess_inputs = setup_inputs(options, &database->inputs);
	database->argv[0] = (char *)(uintptr_t) "sh";
	database->argv[1] = (char *)(uintptr_t) "-c";
	database->argv[2] = database->command;
	return database;
}

char **database_setup_argv(const struct database *database)
{
	return database && database->command ? (char **)(uintptr_t)database->argv : NULL;
}

/* ---- what tools/db asks and tells ---- */

/* The run's number of a worker that tools/db calls @number, and back. */
static unsigned int run_number(const struct database *database, unsigned int number)
{
	return number ? number : database->setup.workers + 1;
}

static unsigned int db_number(const struct database *database, unsigned int number)
{
	return number > database->setup.workers ? 0 : number;
}

static void on_server_environ(void *arg, unsigned int number, char ***envp)
{
	const struct database *database = arg;

	database->setup.server_environ(database->setup.arg, run_number(database, number), envp);
}

static int on_run_setup(void *arg, const char *command)
{
	const struct database *database = arg;

	(void)command; /* the one that we gave */
	return database->setup.run_setup(database->setup.arg);
}

static void on_record(void *arg, const struct db_record *record)
{
	static const char *const said[DB_RECORD_KINDS] = {
		[DB_RECORD_KEPT] = "database kept",
		[DB_RECORD_NOT_KEPT] = "unable to keep the database",
		[DB_RECORD_DIED] = "its database server ended by itself",
	};
	struct database *database = arg;
	enum db_record_kind kind = record->kind;

	if (kind == DB_RECORD_TEMPLATE)
		setup_log_template(record->detail, database->command,
		                   db_template_files(database->providers[0]));
	else
		log_act("w%u: %s %s", record->worker, db_record_names[kind], record->detail);
	if (said[kind])
		strv_own(&database->lines,
		         str_print("w%u: %s: %s", record->worker, said[kind], record->detail));
	if (kind == DB_RECORD_SUPERUSER)
		strv_own(&database->lines, str_print("%s (`role` in berth.yaml)", record->detail));
	if (kind == DB_RECORD_BREAKER || kind == DB_RECORD_BUSY || kind == DB_RECORD_IMPORT)
		log_line("%s", record->detail);
	database->setup.record(database->setup.arg, record);
}

/* ---- requests between two tests ---- */

/* A reset or a snapshot, of every provider. */
struct database_request {
	unsigned int due; /* providers that have not answered */
	int error;        /* the first */
	char *text;
	control_done_fn done;
	void *arg;
};

static void on_answer(void *arg, unsigned int number, int error, const char *text)
{
	struct database_request *request = arg;

	(void)number;
	if (error && !request->error) {
		request->error = error;
		request->text = str_copy(text ? text : "");
	}
	if (--request->due)
		return;
	request->done(request->arg, request->error, request->text ? request->text : "");
	free(request->text);
	free(request);
}

static char *refusal(const char *name, int error)
{
	if (error == -ENOENT)
		return str_copy("the worker has no database now");
	if (error == -EALREADY)
		return str_copy("its databases are being reset already");
	return snapshot_refusal(name ? name : "", error);
}

static int ask_all(struct database *database, unsigned int number, const char *name,
                   int (*ask)(struct db *db, unsigned int number, const char *name,
                              db_ready_fn ready, void *arg),
                   control_done_fn done, void *arg)
{
	struct database_request *request;
	int ret = 0;

	if (number > database->setup.workers)
		return -ENOENT;
	request = mem_alloc(sizeof(*request));
	*request = (struct database_request){ .done = done, .arg = arg };
	for (unsigned int i = 0; i < database->provider_count && !ret; i++) {
		ret = ask(database->providers[i], number, name, on_answer, request);
		request->due += !ret;
	}
	if (request->due) {
		request->error = ret; /* of the provider that refused; the others answer */
		request->text = ret ? refusal(name, ret) : NULL;
		return 0;
	}
	free(request);
	return ret;
}

static int on_reset(void *arg, unsigned int number, const char *name, control_done_fn done,
                    void *done_arg)
{
	return ask_all(arg, number, name, db_worker_reset, done, done_arg);
}

static int on_snapshot(void *arg, unsigned int number, const char *name, control_done_fn done,
                       void *done_arg)
{
	return name ? ask_all(arg, number, name, db_worker_snapshot, done, done_arg) : -EINVAL;
}

static int open_control(struct database *database)
{
	const struct control_setup setup = { .loop = database->setup.loop,
		                             .run_dir = database->setup.context->dir,
		                             .reset = on_reset,
		                             .snapshot = on_snapshot,
		                             .refusal = refusal,
		                             .arg = database };

	return control_open(&setup, &database->control);
}

/* ---- opening ---- */

static enum db_mode mode_of(const struct run_options *options)
{
	for (unsigned int i = 0; i < options->database_count && options->db_mode == DB_AUTO; i++)
		if (options->database_list[i].kind == DB_KIND_POSTGRES &&
		    options->database_list[i].mode != DB_OFF &&
		    options->database_list[i].mode != DB_AUTO)
			return options->database_list[i].mode;
	return options->db_mode;
}

int database_choose(const struct run_options *options, enum db_mode *ret_mode, char **ret_reason)
{
	cleanup_free struct db_entry *entries = NULL;
	cleanup_free char *setup = setup_command(options);
	struct db_config config = { .project_dir = options->project_dir,
		                    .mode = mode_of(options),
		                    .role = options->role,
		                    .command = setup,
		                    .snapshot = options->snapshot,
		                    .import_most_bytes = options->import_most_bytes };

	entries = database_entries(options, false, &config.entry_count);
	config.entries = entries;
	return db_choose(&config, ret_mode, ret_reason);
}

static int open_provider(struct database *database, bool private, char **ret_reason)
{
	const struct run_context *context = database->setup.context;
	const struct run_options *options = database->options;
	cleanup_free struct db_entry *entries = NULL;
	cleanup_free char *environment = options->name ? environment_key(options->environment_dir)
	                                               : NULL;
	struct db_config config = {
		.loop = database->setup.loop,
		.run_id = context->id,
		.project_dir = context->project_dir,
		.results_dir = context->results_dir,
		.log_dir = context->log_dir,
		.run_dir = context->dir,
		.workers = database->setup.workers,
		.mode = private ? DB_PRIVATE : mode_of(options),
		.role = options->role,
		.command = private ? NULL : database->command,
		.inputs = database->inputs,
		.guess_inputs = database->guess_inputs,
		.snapshot = options->snapshot,
		.environment = environment,
		.keep = options->keep,
		.keep_failed = options->keep_failed,
		.template_quota_bytes = options->template_quota_bytes,
		.import_most_bytes = options->import_most_bytes,
		.idle_alarm_ms = options->idle_alarm_ms,
		.idle_kill_ms = options->idle_kill_ms,
		.slow_query_ms = options->slow_query_ms ? options->slow_query_ms : SLOW_QUERY_MS,
		.pool_alarm_percent = options->pool_alarm_percent,
		.run_setup = on_run_setup,
		.record = on_record,
		.server_environ = on_server_environ,
		.arg = database,
	};
	int ret;

	entries = database_entries(options, private, &config.entry_count);
	config.entries = entries;
	free(*ret_reason);
	*ret_reason = NULL;
	ret = db_open(&config, &database->providers[database->provider_count], ret_reason);
	database->provider_count += !ret;
	return ret;
}

/* Tasks whose needs are known wait for each other (queue.c), so only the largest must fit alone. */
static int check_connections(const struct database *database, unsigned int *ret_connections,
                             char **ret_reason)
{
	const struct run_options *options = database->options;
	const struct db_pool_request request = {
		.workers = options->task_pools ? 1 : database->setup.context->plan->slots,
		.seen = !options->pool,
		.each = options->pool ? options->pool : options->pool_seen,
	};
	unsigned int left = 0;
	char *why = NULL;
	int ret = request.each ? db_pool_check(database->providers[0], &request, &left, &why) : 0;

	*ret_connections = options->task_pools ? left : 0;
	/* the workers of earlier runs had their most at different times */
	if (ret && request.seen && !options->task_pools) {
		log_line("warning: %s", why);
		free(why);
		return 0;
	}
	if (!ret)
		return 0;
	free(*ret_reason);
	*ret_reason = why;
	return ret;
}

int database_open(struct database *database, const struct database_setup *setup,
                  unsigned int *ret_connections, char **ret_error)
{
	cleanup_free char *reason = NULL;
	int ret;

	database->setup = *setup;
	database->waits = mem_alloc((setup->workers + 1) * sizeof(*database->waits));
	ret = open_provider(database, false, &reason);
	if (!ret && db_skipped(database->providers[0]))
		ret = open_provider(database, true, &reason);
	if (!ret)
		ret = check_connections(database, ret_connections, &reason);
	if (ret) {
		*ret_error = str_print("unable to provide the database: %s",
		                       reason ? reason : strerror(-ret));
		return ret;
	}
	ret = open_control(database);
	return ret ? context_fail(ret_error, ret, "listen in", setup->context->dir) : 0;
}

/* ---- workers ---- */

static void on_ready(void *arg, unsigned int number, int error, const char *text)
{
	struct database_wait *wait = arg;
	const struct database_setup *setup = &wait->database->setup;

	if (error && !wait->error)
		wait->error = str_print("unable to provide the database: %s",
		                        text ? text : strerror(-error));
	if (!--wait->due)
		setup->ready(setup->arg, run_number(wait->database, number), steal(&wait->error));
}

int database_prepare(struct database *database, const struct worker_spec *worker, char **ret_error)
{
	unsigned int number = db_number(database, worker->number);
	struct database_wait *wait = &database->waits[number];
	int ret = 0;

	*wait = (struct database_wait){ database, true, database->provider_count, NULL };
	for (unsigned int i = 0; i < database->provider_count && !ret; i++)
		ret = db_worker_prepare(database->providers[i], number, worker->task, worker->map,
		                        on_ready, wait);
	if (ret == -ENOSPC)
		*ret_error = str_print("no real port is left for the database: its block has %u "
		                       "(raise `block`, --block)",
		                       worker->block.len);
	else if (ret)
		*ret_error = str_print("unable to start worker %u: %s", worker->number,
		                       strerror(-ret));
	return ret;
}

void database_give_up(struct database *database, unsigned int number)
{
	unsigned int of_db = database ? db_number(database, number) : 0;

	for (unsigned int i = 0;
	     database && database->waits[of_db].due && i < database->provider_count; i++)
		db_worker_end(database->providers[i], of_db, true);
}

void database_environ(const struct database *database, char ***envp)
{
	for (unsigned int i = 0; database && i < database->provider_count; i++)
		db_worker_environ(database->providers[i], envp);
}

void database_worker_over(struct database *database, unsigned int number, bool failed)
{
	unsigned int of_db = database ? db_number(database, number) : 0;

	if (!database || !database->waits[of_db].prepared)
		return;
	database->waits[of_db].prepared = false;
	for (unsigned int i = 0; i < database->provider_count; i++)
		db_worker_end(database->providers[i], of_db, failed);
}

/* ---- the end ---- */

static void on_closed(void *arg)
{
	((struct database *)arg)->closed++;
}

void database_settle(struct database *database)
{
	int64_t due_ms = clock_ms() + CLOSE_MAX_MS;

	for (unsigned int i = 0; database && i < database->provider_count; i++)
		while (db_busy(database->providers[i]) && clock_ms() < due_ms &&
		       !loop_step(database->setup.loop, 100))
			;
}

void database_close(struct database *database)
{
	int64_t due_ms = clock_ms() + CLOSE_MAX_MS;

	if (!database)
		return;
	control_close(database->control);
	for (unsigned int i = 0; i < database->provider_count; i++)
		db_close(database->providers[i], on_closed, database);
	while (database->closed < database->provider_count && clock_ms() < due_ms &&
	       !loop_step(database->setup.loop, 100))
		;
	for (char **line = database->lines; line && *line; line++)
		log_line("%s", *line);
	strv_free(database->lines);
	strv_free(database->inputs);
	for (unsigned int i = 0; database->waits && i <= database->setup.workers; i++)
		free(database->waits[i].error);
	free(database->waits);
	free(database->command);
	free(database);
}

static void hint_refusal(const struct db *db)
{
	struct db_refusal refused;
	cleanup_free char *name = NULL;

	if (!db_find_refusal(db, &refused))
		return;
	name = refused.name;
	if (refused.rights) {
		log_line("the private database server said: %s", name);
		log_hint("if the suite's role is a superuser elsewhere: `role: superuser` in "
		         "berth.yaml");
	} else if (refused.role) {
		log_line("the private database server refuses role '%s'", name);
		log_hint("name the role in the URL: --db postgresql://%s:PASSWORD@localhost:%u/%s",
		         name, refused.port, refused.database);
	} else {
		log_line("the private database server has no database '%s'", name);
		log_hint("if the suite needs it from the start, add --db %s", name);
	}
}

/* Mode auto takes a server that runs; it may be one that only a package has started. */
static void hint_other_server(const struct database *database, struct run_worker *const *workers)
{
	if (mode_of(database->options) != DB_AUTO ||
	    db_mode_of(database->providers[0]) != DB_RENAME)
		return;
	for (unsigned int i = 0; i < database->setup.workers; i++) {
		const char *error = worker_result(workers[i])->error;

		if (error && strstr(error, "connection to server")) {
			log_hint("if that server is not the suite's own: --db-mode private gives "
			         "every worker one");
			return;
		}
	}
}

void database_hint(const struct database *database, struct run_worker *const *workers)
{
	if (!database->provider_count)
		return;
	hint_refusal(database->providers[0]);
	hint_other_server(database, workers);
}

bool database_has_servers(const struct database *database, bool *ret_commands)
{
	bool servers = false;

	*ret_commands = false;
	for (unsigned int i = 0; database && i < database->provider_count; i++)
		servers |= db_mode_of(database->providers[i]) != DB_RENAME;
	for (unsigned int i = 0; servers && i < database->options->database_count; i++)
		*ret_commands |= database->options->database_list[i].kind == DB_KIND_COMMAND;
	return servers;
}

char *database_describe(const struct database *database)
{
	if (!database || !database->provider_count)
		return NULL;
	return str_print("%s%s", db_mode_names[db_mode_of(database->providers[0])],
	                 database->provider_count > 1 ? " and private" : "");
}
