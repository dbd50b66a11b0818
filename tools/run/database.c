/* SPDX-License-Identifier: MIT */
/*
 * Databases for the workers of a run. The flow of one:
 *
 *	worker_start() -> database_prepare() -> [template: the room asks for the setup's worker] -> on_ready() -> the
 *	command -> run_worker_over() -> database_worker_over()
 *
 * The setup's worker is a worker like any other (block, map, cgroup, tree, log), but not one of the run's: it takes no
 * slot, is in no total, and the room knows it as number 0. If it fails, every worker that waits is told so and fails
 * with the setup's log as the reason.
 */
#include "tools/run/database.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/log.h"
#include "tools/pg/pg.h"
#include "tools/pg/url.h"
#include "tools/run/control.h"
#include "tools/run/watching.h"

enum { CLOSE_MOST_MS = 20000 };

struct database {
	struct pg *pg;
	struct control *control;
	struct plan_worker plan; /* of the setup's worker */
	char *argv[4];
	char **names;		/* what pg_open() was given */
	char *reason;
	char **kept;		/* lines for the end of the run */
	bool closed;
};

bool database_wanted(const struct run_options *options)
{
	return options->databases && options->databases[0] && options->db_mode != RUN_DB_OFF;
}

void database_plan(struct run *run)
{
	struct database *database;

	if (!database_wanted(run->options))
		return;
	database = run->database = mem_alloc(sizeof(*database));
	database->names = strv_copy(run->options->databases);
	if (!run->options->setup)
		return;
	database->argv[0] = (char *)(uintptr_t)"sh";
	database->argv[1] = (char *)(uintptr_t)"-c";
	database->argv[2] = run->options->setup;
	database->plan = (struct plan_worker){ run->count + 1, (char *)(uintptr_t)"setup", database->argv };
	run->made = run->count + 1;
}

const struct plan_worker *database_setup_plan(const struct run *run)
{
	return &run->database->plan;
}

static struct worker *setup_worker(struct run *run)
{
	return &run->workers[run->count];
}

/* The room counts the setup's worker as 0. */
static unsigned int room_number(const struct worker *worker)
{
	return worker->setup ? 0 : worker->number;
}

static int run_setup(void *arg, const char *command)
{
	struct run *run = arg;

	(void)command; /* it is the one we gave, and stands in the worker's plan */
	return worker_start(setup_worker(run));
}

static void on_record(void *arg, const struct pg_record *record)
{
	struct run *run = arg;

	log_act("w%u: %s %s %s", record->worker, pg_record_names[record->kind], record->physical, record->detail);
	watching_database(run, record->worker, pg_record_names[record->kind], record->database, record->ms, record->detail);
	if (record->kind == PG_RECORD_KEPT)
		strv_own(&run->database->kept,
			 str_print("w%u: database kept: %s", record->worker, record->detail));
	if (record->kind == PG_RECORD_DIED)
		strv_own(&run->database->kept,
			 str_print("w%u: its database server ended by itself: %s", record->worker, record->detail));
	if (record->kind == PG_RECORD_ABANDONED && record->worker)
		watching_session_left(&run->workers[record->worker - 1], record->port, record->ms);
}

int database_open(struct run *run, char **ret_error)
{
	struct database *database = run->database;
	int ret;

	if (!database)
		return 0;
	const struct pg_setup setup = {
		.loop = run->loop,
		.run_id = run->id,
		.project_dir = run->project_dir,
		.results_dir = run->results_dir,
		.run_dir = run->dir,
		.workers = run->count,
		.databases = database->names,
		.mode = (enum pg_mode)run->options->db_mode,
		.command = run->options->setup,
		.keep = run->options->keep,
		.run_setup = run_setup,
		.record = on_record,
		.arg = run,
	};
	ret = pg_open(&setup, &database->pg, &database->reason);
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
	struct worker *worker = arg, *setup = setup_worker(worker->run);
	bool setup_failed = worker->run->made > worker->run->count && setup->status == STATE_FAILED;

	(void)number;
	if (error && setup_failed && setup->log_path)
		worker->error = str_print("the setup command failed: exit status %d (%s)", setup->exit_status,
					  setup->log_path);
	else if (error)
		worker->error = str_print("unable to provide the database: %s", text ? text : strerror(-error));
	worker->on_database(worker);
}

int database_prepare(struct worker *worker, void (*go)(struct worker *worker))
{
	struct database *database = worker->run->database;

	if (!database)
		return 1;
	worker->on_database = go;
	return pg_worker_prepare(database->pg, room_number(worker), worker->plan->task, worker->map, on_ready, worker);
}

void database_worker_over(struct worker *worker)
{
	struct database *database = worker->run->database;

	if (database && database->pg && worker->on_database)
		pg_worker_end(database->pg, room_number(worker), worker->status == STATE_FAILED);
	worker->on_database = NULL;
}

struct reset {
	void (*done)(void *arg, int error, const char *text);
	void *arg;
};

static void on_reset(void *arg, unsigned int number, int error, const char *text)
{
	struct reset reset = *(struct reset *)arg;

	(void)number;
	free(arg);
	reset.done(reset.arg, error, text);
}

int database_reset(struct run *run, unsigned int number, void (*done)(void *arg, int error, const char *text), void *arg)
{
	struct reset *reset;
	int ret;

	if (!run->database || number > run->count)
		return -ENOENT;
	reset = mem_alloc(sizeof(*reset));
	*reset = (struct reset){ done, arg };
	ret = pg_worker_reset(run->database->pg, number, on_reset, reset);
	if (ret)
		free(reset);
	return ret;
}

static void on_closed(void *arg)
{
	((struct database *)arg)->closed = true;
}

void database_close(struct run *run)
{
	struct database *database = run->database;
	int64_t due_ms = clock_ms() + CLOSE_MOST_MS;

	if (!database)
		return;
	control_close(database->control);
	if (database->pg)
		pg_close(database->pg, on_closed, database);
	while (database->pg && !database->closed && clock_ms() < due_ms && !loop_step(run->loop, 100))
		;
	for (char **line = database->kept; line && *line; line++)
		log_line("%s", *line);
	strv_free(database->kept);
	strv_free(database->names);
	free(database->reason);
	free(database);
	run->database = NULL;
}

static bool answers(uint16_t port)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback };
	cleanup_close int four = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_close int six = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return !connect(four, (const struct sockaddr *)&v4, sizeof(v4)) || !connect(six, (const struct sockaddr *)&v6, sizeof(v6));
}

static void hint_missing(const struct pg *pg)
{
	struct pg_missing missing;
	cleanup_free char *name = NULL;

	if (!pg_missing(pg, &missing))
		return;
	name = missing.name;
	if (missing.role) {
		log_line("the private database server does not let in role '%s'", name);
		log_hint("say it in the URL: --db postgresql://%s:PASSWORD@localhost:%u/%s", name, missing.port, missing.database);
	} else {
		log_line("the private database server has no database '%s'", name);
		log_hint("if the suite needs it from the start, add --db %s", name);
	}
}

void database_hint(const struct run *run)
{
	cleanup_free char *text = run->database ? NULL : pg_url_default(run->project_dir);
	struct pg_url url;

	if (run->database && run->database->pg)
		hint_missing(run->database->pg);
	if (!text || run->options->db_mode == RUN_DB_OFF || pg_url_parse(text, NULL, &url))
		return;
	if (pg_url_local(&url) && *url.host != '/' && !answers(url.port)) {
		log_line("DATABASE_URL names database '%s', and no server answers on port %u", url.name, url.port);
		log_hint("with --db %s every worker gets one of its own, server included", url.name);
	}
	pg_url_free(&url);
}

char *database_describe(const struct run *run)
{
	static const char *const modes[PG_MODES] = { "auto", "private", "rename", "off" };

	if (!run->database || !run->database->pg)
		return NULL;
	return str_print("%s", modes[pg_mode_of(run->database->pg)]);
}
