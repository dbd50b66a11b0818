/* SPDX-License-Identifier: MIT */
/*
 * history.sqlite. The schema has a version (PRAGMA user_version). It is created with the file; a
 * file of a newer version is not touched. Numbers that are compared over time are rows of
 * `measures`, so a new measure needs no new column.
 */
#include "tools/report/history/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/report/private.h"
#include "tools/report/history/sqlite.h"

enum { SCHEMA = 3, BUSY_MS = 5000, KEPT_DAYS = 180 };

struct history {
	sqlite3 *db;
	int dir; /* of the file; -1 until it is open */
};

/* clang-format off */
static const char schema[] =
	"create table if not exists runs (run text primary key, started_ms integer,"
	" duration_ms integer, project text, command text, workers integer, failed integer,"
	" exit_status integer, backend text, slots integer);"
	"create table if not exists measures (run text, task text, measure text, value real,"
	" primary key (run, task, measure));"
	"create table if not exists findings (run text, worker integer, task text, kind text,"
	" severity text, fingerprint text, port integer, detail text);"
	"create table if not exists ports (run text, worker integer, task text, port integer,"
	" real_port integer, pid integer, command text, from_ms integer, until_ms integer);"
	"create table if not exists tests (run text, worker integer, task text, file text,"
	" line integer, name text, status text, seconds real, error text);"
	"create index if not exists tests_by_name on tests (name, file);"
	"create index if not exists tests_by_run on tests (run);"
	"create index if not exists ports_by_number on ports (port, from_ms);"
	"create index if not exists findings_by_print on findings (fingerprint);";

/* Version 1 had two columns less. Their values in its rows are not known: null. */
static const char from_1_to_2[] =
	"alter table runs add column backend text; alter table runs add column slots integer;";
/* clang-format on */

static int check_version(struct history *history)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = sqlite_prepare(history->db, "pragma user_version", &statement), version;

	if (ret)
		return ret;
	ret = sqlite_error(sqlite.sqlite3_step(statement));
	version = sqlite.sqlite3_column_int(statement, 0);
	if (ret || version == SCHEMA)
		return ret;
	if (version > SCHEMA)
		return -EPROTO;
	ret = version == 1 ? sqlite_execute(history->db, from_1_to_2) : 0;
	if (!ret)
		ret = sqlite_execute(history->db, schema); /* the tables that are missing */
	return ret ? ret : sqlite_execute(history->db, "pragma user_version = 3");
}

const char *history_error(int error)
{
	return error == -ELIBACC  ? "libsqlite3.so.0 is missing"
	       : error == -EPROTO ? "it was made by a newer Berth"
	                          : strerror(-error);
}

int history_open(const char *path, struct history **ret_history)
{
	struct history *history;
	int ret = sqlite_load();

	if (ret)
		return ret;
	history = mem_alloc(sizeof(*history));
	ret = sqlite_open(path, &history->db, &history->dir);
	if (!ret) {
		sqlite.sqlite3_busy_timeout(history->db, BUSY_MS);
		ret = check_version(history);
	}
	if (ret)
		history_close(history);
	else
		*ret_history = history;
	return ret;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	sqlite.sqlite3_close(history->db);
	if (history->dir >= 0)
		close(history->dir);
	free(history);
}

sqlite3 *history_db(struct history *history)
{
	return history->db;
}

/* ---- writing ---- */

static const char *task_of(const struct report_run *run, int64_t worker)
{
	const struct report_worker *found = run_find_worker(run, worker);

	return found ? found->task : "";
}

/* Delete runs. @condition: of the table runs, with one value for its ?, see sqlite_run(). */
static int delete_runs(struct history *history, const char *condition, const char *type,
                       const char *text, int64_t number)
{
	static const char *const tables[] = { "measures", "findings", "ports", "tests", "runs" };
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_LEN(tables); i++) {
		cleanup_free char *sql = str_print(
			"delete from %s where run in (select run from runs where %s)", tables[i],
			condition);

		ret = *type == 't' ? sqlite_run(history->db, sql, type, text)
		                   : sqlite_run(history->db, sql, type, number);
	}
	return ret;
}

static int add_measure(struct history *history, const char *id, const char *task,
                       const char *measure, double value)
{
	/* the sum over all workers of a task: it does not depend on which worker ended last */
	return sqlite_run(
		history->db,
		"insert into measures values (?, ?, ?, ?) on conflict do update set value = "
		"value + excluded.value",
		"tttd", id, task, measure, value);
}

/* The number @name of @record, if it was measured. */
static int add_number(struct history *history, const char *id, const char *task,
                      const json_t *record, const char *name)
{
	return json_is_number(json_object_get(record, name))
	               ? add_measure(history, id, task, name, (double)record_number(record, name))
	               : 0;
}

static const char *const measured_counts[] = { "epipe", "econnreset", "econnrefused", "eaddrinuse",
	                                       "bind_failed" };

static int add_worker(struct history *history, const char *id, const struct report_worker *worker)
{
	const json_t *counts = worker->counts ? json_object_get(worker->counts, "counts") : NULL;
	int ret = 0;

	if (worker->until_ms && !*worker->error)
		ret = add_measure(history, id, worker->task, "duration_ms",
		                  (double)(worker->until_ms - worker->from_ms));
	if (!ret)
		ret = add_number(history, id, worker->task, worker->counts, "memory_peak_kib");
	for (size_t i = 0; !ret && i < ARRAY_LEN(measured_counts); i++)
		ret = add_number(history, id, worker->task, counts, measured_counts[i]);
	return ret;
}

/* How long databases took for each task, and templates for the run, whose task is "". */
static int add_database(struct history *history, const struct report_run *run, const char *id,
                        const json_t *record)
{
	const char *event = record_text(record, "event"), *detail = record_text(record, "detail");
	const char *task = task_of(run, record_number(record, "worker"));
	double duration_ms = (double)record_number(record, "duration_ms");

	if (strcmp(record_text(record, "type"), "database"))
		return 0;
	if (!strcmp(event, "database_ready") && record_number(record, "worker"))
		return add_measure(history, id, task, "database_ready_ms", duration_ms);
	if (!strcmp(event, "database_connections"))
		return add_measure(history, id, task, "connections",
		                   (double)strtol(detail, NULL, 10));
	if (!strcmp(event, "database_template") && !strcmp(detail, "built"))
		return add_measure(history, id, "", "migration_ms", duration_ms);
	return 0;
}

static int add_test(struct history *history, const struct report_run *run, const char *id,
                    const json_t *result)
{
	int64_t worker = record_number(result, "worker");
	const json_t *ms = json_object_get(result, "duration_ms");
	size_t len;
	int line;
	const char *test = record_text(result, "test"), *name = test_split(test, &len, &line);
	cleanup_free char *file = str_copy_len(test, len);

	return sqlite_run(history->db,
	                  "insert into tests values (?, ?, ?, ?, nullif(?, 0), ?, ?, "
	                  "nullif(?, -1.0), ?)",
	                  "tittittdt", id, worker, task_of(run, worker), file, (int64_t)line, name,
	                  record_text(result, "status"),
	                  json_is_number(ms) ? json_number_value(ms) / 1e3 : -1.0,
	                  record_text(result, "error"));
}

static int add_rows(struct history *history, const struct report_run *run, const char *id)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < run->worker_count; i++)
		ret = add_worker(history, id, &run->workers[i]);
	for (size_t i = 0; !ret && i < json_array_size(run->records); i++)
		ret = add_database(history, run, id, json_array_get(run->records, i));
	for (size_t i = 0; !ret && i < run->finding_count; i++) {
		const json_t *finding = run->findings[i];
		int64_t worker = record_number(finding, "worker");

		ret = sqlite_run(
			history->db, "insert into findings values (?, ?, ?, ?, ?, ?, ?, ?)",
			"tittttit", id, worker, task_of(run, worker), record_text(finding, "kind"),
			record_text(finding, "severity"), record_text(finding, "fingerprint"),
			record_number(finding, "port"), record_text(finding, "detail"));
	}
	for (size_t i = 0; !ret && i < run->port_count; i++) {
		const struct report_span *span = &run->ports[i];

		ret = sqlite_run(history->db,
		                 "insert into ports values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		                 "titiiitii", id, (int64_t)span->worker, task_of(run, span->worker),
		                 (int64_t)span->port, (int64_t)span->real_port, (int64_t)span->pid,
		                 span->name, span->from_ms, span->until_ms);
	}
	for (size_t i = 0; !ret && i < run->result_count; i++)
		ret = add_test(history, run, id, run->results[i]);
	return ret;
}

static int add_run(struct history *history, const struct report_run *run, const char *id)
{
	cleanup_free char *command = record_join(json_object_get(run->run, "command"), " ");
	int ret = delete_runs(history, "run = ?", "t", id, 0);

	if (!ret)
		ret = sqlite_run(
			history->db, "insert into runs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			"tiittiiiti", id, run->from_ms, run->until_ms - run->from_ms,
			record_text(run->run, "project"), command, (int64_t)run->worker_count,
			(int64_t)run_count_workers(run, "failed"),
			record_number(run->ended, "exit_status"), record_text(run->run, "backend"),
			record_number(run->run, "slots"));
	return ret ? ret : add_rows(history, run, id);
}

/* @ret: of what was done since "begin immediate". */
static int end_transaction(struct history *history, int ret)
{
	if (!ret)
		ret = sqlite_run(history->db, "commit", "");
	if (ret)
		(void)sqlite_run(history->db, "rollback", "");
	return ret;
}

int history_add(struct history *history, const struct report_run *run)
{
	cleanup_free char *id = NULL;
	int ret;

	if (!run->run)
		return -EINVAL;
	/* an id is short and is used again one day: the time makes it unique */
	id = str_print("%s@%lld", record_text(run->run, "id"),
	               (long long)record_number(run->run, "time_ms"));
	ret = sqlite_run(history->db, "begin immediate", "");
	return ret ? ret : end_transaction(history, add_run(history, run, id));
}

int history_prune(struct history *history, int days)
{
	int64_t before_ms = clock_wall_ns() / 1000000 - (int64_t)days * 86400000;
	int ret = sqlite_run(history->db, "begin immediate", "");

	if (ret)
		return ret;
	return end_transaction(history,
	                       delete_runs(history, "started_ms < ?", "i", NULL, before_ms));
}

int history_record(const char *results, const struct report_run *run)
{
	cleanup_free char *path = str_print("%s/history.sqlite", results);
	struct history *history = NULL;
	int ret = history_open(path, &history);

	ret = ret ? ret : history_add(history, run);
	ret = ret ? ret : history_prune(history, KEPT_DAYS);
	history_close(history);
	return ret;
}

/* ---- reading ---- */

static char *id_of(sqlite3_stmt *statement)
{
	char *key = sqlite_text(statement, 0);

	key[strcspn(key, "@")] = '\0';
	return key;
}

int history_owners(struct history *history, int port, size_t max, struct history_owner **ret_owners,
                   size_t *ret_count)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = sqlite_prepare(
		history->db,
		"select run, task, command, worker, pid, real_port, from_ms, until_ms from ports "
		"where port = ?1 or real_port = ?1 order by from_ms desc limit ?2",
		&statement);

	*ret_owners = NULL;
	*ret_count = 0;
	if (ret)
		return ret;
	sqlite.sqlite3_bind_int(statement, 1, port);
	sqlite.sqlite3_bind_int64(statement, 2, (sqlite3_int64)max);
	while (sqlite.sqlite3_step(statement) == SQLITE_ROW) {
		*ret_owners = mem_grow(*ret_owners, *ret_count + 1, sizeof(**ret_owners));
		(*ret_owners)[(*ret_count)++] = (struct history_owner){
			.run = id_of(statement),
			.task = sqlite_text(statement, 1),
			.command = sqlite_text(statement, 2),
			.worker = (unsigned int)sqlite.sqlite3_column_int(statement, 3),
			.pid = sqlite.sqlite3_column_int(statement, 4),
			.real_port = sqlite.sqlite3_column_int(statement, 5),
			.from_ms = sqlite.sqlite3_column_int64(statement, 6),
			.until_ms = sqlite.sqlite3_column_int64(statement, 7),
		};
	}
	return 0;
}

void history_owners_free(struct history_owner *owners, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(owners[i].run);
		free(owners[i].task);
		free(owners[i].command);
	}
	free(owners);
}
