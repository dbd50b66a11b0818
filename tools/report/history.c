/* SPDX-License-Identifier: MIT */
/*
 * The schema has a version (PRAGMA user_version); it is made when the file is new, and a file of a newer version is left alone.
 * Numbers that are compared over time are rows of `measures`, so a new measure needs no new column.
 */
#include "tools/report/history.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/library.h"
#include "tools/report/private.h"

enum { SCHEMA = 1, BUSY_MS = 5000, BASELINE_RUNS = 20, BASELINE_LEAST = 3 };

#define SQLITE(X) \
	X(sqlite3_bind_double) \
	X(sqlite3_bind_int) \
	X(sqlite3_bind_int64) \
	X(sqlite3_bind_text) \
	X(sqlite3_busy_timeout) \
	X(sqlite3_close) \
	X(sqlite3_column_double) \
	X(sqlite3_column_int) \
	X(sqlite3_column_int64) \
	X(sqlite3_column_text) \
	X(sqlite3_exec) X(sqlite3_finalize) X(sqlite3_open_v2) X(sqlite3_prepare_v2) X(sqlite3_step)
static struct sqlite {
	SQLITE(LIBRARY_POINTER)
} sqlite;
static const char *const sqlite_names[] = { SQLITE(LIBRARY_NAME) NULL };
static struct library sqlite_library = { "libsqlite3.so.0", sqlite_names, &sqlite, NULL };

struct history {
	sqlite3 *db;
};

static const char schema[] =
	"create table if not exists runs (run text primary key, started_ms integer, duration_ms "
	"integer, project text,"
	" command text, workers integer, failed integer, exit_status integer);"
	"create table if not exists measures (run text, task text, measure text, value real, "
	"primary key (run, task, measure));"
	"create table if not exists findings (run text, worker integer, task text, kind text, "
	"severity text, fingerprint text,"
	" port integer, detail text);"
	"create table if not exists ports (run text, worker integer, task text, port integer, "
	"real_port integer, pid integer,"
	" command text, from_ms integer, until_ms integer);"
	"create index if not exists ports_by_number on ports (port, from_ms);"
	"create index if not exists findings_by_print on findings (fingerprint);";

static int error_of(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW: return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_CANTOPEN: return -ENOENT;
	case SQLITE_READONLY:
	case SQLITE_PERM: return -EACCES;
	case SQLITE_FULL: return -ENOSPC;
	default: return -EIO;
	}
}

static void finish(sqlite3_stmt **statement)
{
	sqlite.sqlite3_finalize(*statement);
}
#define cleanup_statement __attribute__((cleanup(finish)))

static int prepare(struct history *history, const char *sql, sqlite3_stmt **ret_statement)
{
	return error_of(sqlite.sqlite3_prepare_v2(history->db, sql, -1, ret_statement, NULL));
}

static int execute(struct history *history, const char *sql)
{
	return error_of(sqlite.sqlite3_exec(history->db, sql, NULL, NULL, NULL));
}

static int check_version(struct history *history)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = prepare(history, "pragma user_version", &statement), version;

	if (ret)
		return ret;
	ret = error_of(sqlite.sqlite3_step(statement));
	version = sqlite.sqlite3_column_int(statement, 0);
	if (ret || version == SCHEMA)
		return ret;
	if (version > SCHEMA)
		return -EPROTO;
	ret = execute(history, schema);
	return ret ? ret : execute(history, "pragma user_version = 1");
}

int history_open(const char *path, struct history **ret_history)
{
	struct history *history;
	int ret = library_load(&sqlite_library, NULL);

	if (ret)
		return -ELIBACC;
	history = mem_alloc(sizeof(*history));
	ret = error_of(sqlite.sqlite3_open_v2(path, &history->db,
	                                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL));
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
	free(history);
}

/* ---- writing ---- */

/* Run @sql once with values: 't' text, 'i' int64_t, 'd' double. */
static int put(struct history *history, const char *sql, const char *types, ...)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = prepare(history, sql, &statement);
	va_list list;

	if (ret)
		return ret;
	va_start(list, types);
	for (int i = 0; types[i]; i++) {
		if (types[i] == 't')
			sqlite.sqlite3_bind_text(statement, i + 1, va_arg(list, const char *), -1,
			                         SQLITE_TRANSIENT);
		else if (types[i] == 'i')
			sqlite.sqlite3_bind_int64(statement, i + 1, va_arg(list, int64_t));
		else
			sqlite.sqlite3_bind_double(statement, i + 1, va_arg(list, double));
	}
	va_end(list);
	return error_of(sqlite.sqlite3_step(statement));
}

static const char *task_of(const struct report_run *run, int64_t worker)
{
	const struct report_worker *found = worker_find(run, worker);

	return found ? found->task : "";
}

static int forget(struct history *history, const char *id)
{
	static const char *const deletes[] = { "delete from runs where run = ?",
		                               "delete from measures where run = ?",
		                               "delete from findings where run = ?",
		                               "delete from ports where run = ?" };
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_LEN(deletes); i++)
		ret = put(history, deletes[i], "t", id);
	return ret;
}

static int add_measure(struct history *history, const char *id, const char *task,
                       const char *measure, double value)
{
	/* several workers with one task: their sum, so that what is compared does not depend on who came last */
	return put(history,
	           "insert into measures values (?, ?, ?, ?) on conflict do update set value = "
	           "value + excluded.value",
	           "tttd", id, task, measure, value);
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
	if (!ret && worker->counts)
		ret = add_measure(history, id, worker->task, "memory_peak_kib",
		                  (double)field_number(worker->counts, "memory_peak_kib"));
	for (size_t i = 0; !ret && counts && i < ARRAY_LEN(measured_counts); i++)
		ret = add_measure(history, id, worker->task, measured_counts[i],
		                  (double)field_number(counts, measured_counts[i]));
	return ret;
}

/* How long databases and their templates took: of each task; of the run as a whole. */
static int add_database(struct history *history, const struct report_run *run, const char *id,
                        const json_t *record)
{
	const char *event = field_text(record, "event");

	if (strcmp(field_text(record, "type"), "database"))
		return 0;
	if (!strcmp(event, "database_ready") && field_number(record, "worker"))
		return add_measure(history, id, task_of(run, field_number(record, "worker")),
		                   "database_ready_ms",
		                   (double)field_number(record, "duration_ms"));
	if (!strcmp(event, "database_connections"))
		return add_measure(history, id, task_of(run, field_number(record, "worker")),
		                   "connections",
		                   (double)strtol(field_text(record, "detail"), NULL, 10));
	if (!strcmp(event, "database_template") && !strcmp(field_text(record, "detail"), "built"))
		return add_measure(history, id, "", "migration_ms",
		                   (double)field_number(record, "duration_ms"));
	return 0;
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
		int64_t worker = field_number(finding, "worker");

		ret = put(history, "insert into findings values (?, ?, ?, ?, ?, ?, ?, ?)",
		          "tittttit", id, worker, task_of(run, worker), field_text(finding, "kind"),
		          field_text(finding, "severity"), field_text(finding, "fingerprint"),
		          field_number(finding, "port"), field_text(finding, "detail"));
	}
	for (size_t i = 0; !ret && i < run->port_count; i++) {
		const struct report_span *span = &run->ports[i];

		ret = put(history, "insert into ports values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		          "titiiitii", id, (int64_t)span->worker, task_of(run, span->worker),
		          (int64_t)span->port, (int64_t)span->real_port, (int64_t)span->pid,
		          span->name, span->from_ms, span->until_ms);
	}
	return ret;
}

static char *command_line(const struct report_run *run)
{
	const json_t *words = run->run ? json_object_get(run->run, "command") : NULL, *word;
	struct str text = { 0 };
	size_t i;

	json_array_foreach(words, i, word)
		str_addf(&text, "%s%s", i ? " " : "",
	                 json_string_value(word) ? json_string_value(word) : "");
	return str_take(&text);
}

static int add_all(struct history *history, const struct report_run *run, const char *id)
{
	cleanup_free char *command = command_line(run);
	int ret = forget(history, id);

	if (!ret)
		ret = put(history, "insert into runs values (?, ?, ?, ?, ?, ?, ?, ?)", "tiittiii",
		          id, run->from_ms, run->until_ms - run->from_ms,
		          field_text(run->run, "project"), command, (int64_t)run->worker_count,
		          (int64_t)workers_with(run, "failed"),
		          field_number(run->ended, "exit_status"));
	return ret ? ret : add_rows(history, run, id);
}

int history_add(struct history *history, const struct report_run *run)
{
	cleanup_free char *key = NULL;
	int ret;

	if (!run->run)
		return -EINVAL;
	/* ids are short and come again one day: the time makes them unique */
	key = str_print("%s@%lld", field_text(run->run, "id"),
	                (long long)field_number(run->run, "time_ms"));
	ret = execute(history, "begin immediate");
	if (ret)
		return ret;
	ret = add_all(history, run, key);
	if (!ret)
		ret = execute(history, "commit");
	if (ret)
		(void)execute(history, "rollback");
	return ret;
}

int history_prune(struct history *history, int days)
{
	static const char *const deletes[] = {
		"delete from measures where run in (select run from runs where started_ms < ?)",
		"delete from findings where run in (select run from runs where started_ms < ?)",
		"delete from ports where run in (select run from runs where started_ms < ?)",
		"delete from runs where started_ms < ?",
	};
	int64_t before_ms = clock_wall_ns() / 1000000 - (int64_t)days * 86400000;
	int ret = execute(history, "begin immediate");

	if (ret)
		return ret;
	for (size_t i = 0; !ret && i < ARRAY_LEN(deletes); i++)
		ret = put(history, deletes[i], "i", before_ms);
	if (!ret)
		ret = execute(history, "commit");
	if (ret)
		(void)execute(history, "rollback");
	return ret;
}

/* ---- reading ---- */

static char *column_text(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite.sqlite3_column_text(statement, column);

	return str_copy(text ? (const char *)text : "");
}

static char *id_of(sqlite3_stmt *statement)
{
	const char *key = (const char *)sqlite.sqlite3_column_text(statement, 0);

	return str_copy_len(key ? key : "", key ? strcspn(key, "@") : 0);
}

int history_owners(struct history *history, int port, size_t most,
                   struct history_owner **ret_owners, size_t *ret_count)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = prepare(
		history,
		"select run, task, command, worker, pid, real_port, from_ms, until_ms from ports "
		"where port = ?1 or real_port = ?1 order by from_ms desc limit ?2",
		&statement);

	*ret_owners = NULL;
	*ret_count = 0;
	if (ret)
		return ret;
	sqlite.sqlite3_bind_int(statement, 1, port);
	sqlite.sqlite3_bind_int64(statement, 2, (sqlite3_int64)most);
	while (sqlite.sqlite3_step(statement) == SQLITE_ROW) {
		*ret_owners = mem_grow(*ret_owners, *ret_count + 1, sizeof(**ret_owners));
		(*ret_owners)[(*ret_count)++] = (struct history_owner){
			.run = id_of(statement),
			.task = column_text(statement, 1),
			.command = column_text(statement, 2),
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

/* Below these differences a number may wander without anybody having done anything. */
static const struct trend_noise {
	const char *measure;
	double least;
} noises[] = { { "duration_ms", 1000 },
	       { "database_ready_ms", 500 },
	       { "migration_ms", 2000 },
	       { "memory_peak_kib", 32768 },
	       { "connections", 10 } };

static bool is_regression(const struct history_trend *trend)
{
	double least = 5;

	for (size_t i = 0; i < ARRAY_LEN(noises); i++)
		if (!strcmp(noises[i].measure, trend->measure))
			least = noises[i].least;
	return trend->runs >= BASELINE_LEAST && trend->last > trend->median * 1.25 &&
	       trend->last - trend->median > least;
}

static int by_value(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference > 0 ? 1 : difference < 0 ? -1 : 0;
}

static double median_of(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), by_value);
	if (!count)
		return 0;
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The newest first. Return: how many. */
static unsigned int read_values(struct history *history, const char *task, const char *measure,
                                double *values, unsigned int most)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	unsigned int count = 0;

	if (prepare(history,
	            "select value from measures join runs using (run) where task = ? and measure = "
	            "? "
	            "order by started_ms desc limit ?",
	            &statement))
		return 0;
	sqlite.sqlite3_bind_text(statement, 1, task, -1, SQLITE_TRANSIENT);
	sqlite.sqlite3_bind_text(statement, 2, measure, -1, SQLITE_TRANSIENT);
	sqlite.sqlite3_bind_int64(statement, 3, most);
	while (count < most && sqlite.sqlite3_step(statement) == SQLITE_ROW)
		values[count++] = sqlite.sqlite3_column_double(statement, 0);
	return count;
}

double history_median(struct history *history, const char *task, const char *measure)
{
	double values[BASELINE_RUNS];

	return median_of(values, read_values(history, task, measure, values, ARRAY_LEN(values)));
}

double history_median_max(struct history *history, const char *measure)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	double most = 0;

	if (prepare(history, "select distinct task from measures where measure = ?", &statement))
		return 0;
	sqlite.sqlite3_bind_text(statement, 1, measure, -1, SQLITE_TRANSIENT);
	while (sqlite.sqlite3_step(statement) == SQLITE_ROW) {
		cleanup_free char *task = column_text(statement, 0);
		double usual = history_median(history, task, measure);

		most = usual > most ? usual : most;
	}
	return most;
}

static void fill_trend(struct history *history, struct history_trend *trend)
{
	double values[1 + BASELINE_RUNS];
	unsigned int count = read_values(history, trend->task, trend->measure, values,
	                                 ARRAY_LEN(values));

	if (!count)
		return;
	trend->last = values[0];
	trend->runs = count - 1;
	trend->median = median_of(values + 1, trend->runs);
	trend->regression = is_regression(trend);
}

int history_trends(struct history *history, struct history_trend **ret_trends, size_t *ret_count)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int ret = prepare(history,
	                  "select distinct task, measure from measures order by measure, task",
	                  &statement);

	*ret_trends = NULL;
	*ret_count = 0;
	if (ret)
		return ret;
	while (sqlite.sqlite3_step(statement) == SQLITE_ROW) {
		struct history_trend trend = { .task = column_text(statement, 0),
			                       .measure = column_text(statement, 1) };

		fill_trend(history, &trend);
		*ret_trends = mem_grow(*ret_trends, *ret_count + 1, sizeof(**ret_trends));
		(*ret_trends)[(*ret_count)++] = trend;
	}
	return 0;
}

void history_trends_free(struct history_trend *trends, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(trends[i].task);
		free(trends[i].measure);
	}
	free(trends);
}
