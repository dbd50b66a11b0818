/* SPDX-License-Identifier: MIT */
/*
 * Fills a fresh data directory with what private/import.c reads from the user's server. The server
 * runs for that time only, with its Unix socket only, and admits only its own user, as `postgres`.
 * In a job, as that user; it ends with the job.
 */
#include "tools/db/engine/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/db/common/libpq.h"
#include "tools/process/child.h"

enum { READY_MS = 60000, READY_EVERY_MS = 20, STOP_MS = 120000, CONNECT_MS = 60000 };

#define PORT "1" /* of the socket's name; no worker has it */

struct restore {
	const struct engine_build *build;
	struct str *text; /* what failed */
	PGconn *conn;
};

/* --- its server --- */

static pid_t start_server(const struct engine_build *build)
{
	cleanup_free char *program = str_print("%s/postgres", build->programs->bin),
			  *sockets = str_print("unix_socket_directories=%s", build->socket_dir),
			  *log = str_print("%s.log", build->data);
	cleanup_strv char **argv = strv_of(program, "-D", build->data, "-p", PORT, "-c", sockets,
	                                   "-c", "listen_addresses=", "-c",
	                                   "maintenance_work_mem=128MB", "-c", "max_wal_size=1GB");
	pid_t pid = child_fork(SIGQUIT);
	int fd;

	if (pid)
		return pid;
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(1);
	setsid();
	execve(argv[0], argv, (char *[]){ (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL });
	_exit(1);
}

/* As pg_ctl waits: the server writes its state to the last line of postmaster.pid. */
static int wait_until_ready(struct restore *restore, pid_t pid)
{
	cleanup_free char *state = str_print("%s/postmaster.pid", restore->build->data),
			  *log = str_print("%s.log", restore->build->data);
	int64_t due_ms = clock_ms() + READY_MS;

	for (;;) {
		cleanup_free char *text = NULL, *output = NULL;
		siginfo_t over = { 0 };
		const char *fatal;

		if (!file_read(state, &text, NULL) && strstr(text, "\nready"))
			return 0;
		/* its end is left to be waited for */
		if (clock_ms() > due_ms ||
		    waitid(P_PID, (id_t)pid, &over, WEXITED | WNOHANG | WNOWAIT) || over.si_pid) {
			fatal = file_read(log, &output, NULL) ? NULL : strstr(output, "FATAL:");
			fatal = fatal ? fatal : "it does not answer";
			str_addf(restore->text, "the server did not start: %.*s",
			         (int)strcspn(fatal, "\n"), fatal);
			return -EIO;
		}
		(void)poll(NULL, 0, READY_EVERY_MS);
	}
}

/* --- what it gets --- */

/* Note what failed. Return: -EIO. */
static int fail(struct restore *restore, const char *what, const char *output)
{
	const char *error = output ? strstr(output, "ERROR:  ") : NULL;

	error = error ? error + strlen("ERROR:  ") : output && *output ? output : "no reason given";
	str_addf(restore->text, "%s: %.*s", what, (int)strcspn(error, "\n"), error);
	return -EIO;
}

static int fail_restore(struct restore *restore, const char *output)
{
	return fail(restore, "unable to restore what was imported", output);
}

static int connect_to(struct restore *restore, const char *database)
{
	const struct db_url url = { .role = (char *)(uintptr_t) "postgres" };
	const struct libpq_target target = { .host = restore->build->socket_dir,
		                             .port = (uint16_t)atoi(PORT),
		                             .database = database,
		                             .url = &url,
		                             .options = "" };

	libpq.PQfinish(restore->conn);
	restore->conn = libpq_connect(&target, CONNECT_MS);
	if (libpq.PQstatus(restore->conn) == CONNECTION_OK)
		return 0;
	return fail_restore(restore, libpq_error(restore->conn));
}

/* @sql	of struct engine_import; may be NULL */
static int execute(struct restore *restore, const char *sql)
{
	cleanup_strv char **statements = sql ? strv_split(sql, "\1") : NULL;
	int ret = 0;

	for (char **statement = statements; statement && *statement && !ret; statement++) {
		PGresult *result;

		for (char *at = *statement; (at = strchr(at, '\2')); at++)
			*at = '\n';
		result = libpq_ask(restore->conn, -1, 0, *statement, NULL);
		if (libpq.PQresultStatus(result) != PGRES_COMMAND_OK &&
		    libpq.PQresultStatus(result) != PGRES_TUPLES_OK)
			ret = fail_restore(restore, libpq_error(restore->conn));
		libpq.PQclear(result);
	}
	return ret;
}

static void add_value(struct str *sql, const char *text)
{
	str_add(sql, "E");
	engine_add_quoted(sql, text, '\'');
}

/* The roles of the URLs: with their passwords, and with the rights that the user asks for. */
static int restore_roles(struct restore *restore)
{
	const struct engine_build *build = restore->build;
	int ret = execute(restore, build->import->roles);

	for (unsigned int i = 0; i < build->url_count && !ret; i++) {
		const struct db_url *url = &build->urls[i];
		cleanup_str struct str sql = { 0 };

		if (url->port != build->spec->port || (!url->password && !build->role))
			continue;
		str_add(&sql, "ALTER ROLE ");
		engine_add_quoted(&sql, url->role, '"');
		if (build->role && strcmp(url->role, "postgres") != 0)
			str_add(&sql, build->role == DB_ROLE_SUPERUSER ? " SUPERUSER"
			                                               : " NOSUPERUSER CREATEDB");
		if (url->password) {
			str_add(&sql, " PASSWORD ");
			add_value(&sql, url->password);
		}
		ret = execute(restore, sql.text);
		explicit_bzero(sql.text, sql.len);
	}
	return ret;
}

/* The statistics that the user's server has: a dump has none. */
static const char analyze[] =
	"DO $$DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relkind IN ('r', "
	"'p', 'm') AND oid >= 16384 LOOP EXECUTE format('ANALYZE %s', t); END LOOP; END$$";

/* The contents, from the pg_dump that runs. */
static int restore_contents(struct restore *restore, const char *name,
                            const struct engine_import_database *database)
{
	const char *bin = restore->build->programs->bin;
	cleanup_free char *program = str_print("%s/pg_restore", bin),
			  *host = str_print("PGHOST=%s", restore->build->socket_dir),
			  *to = str_print("PGDATABASE=%s", name);
	cleanup_strv char **argv = strv_of(program, "-e", "--no-tablespaces", "-d", ""),
			  **envp = strv_of("PATH=/usr/bin:/bin", "PGPORT=" PORT, "PGUSER=postgres",
	                                   host, to);
	cleanup_str struct str output = { 0 };
	cleanup_free char *what = NULL;
	char error[1024] = "";
	int status, dumped;

	status = child_exec(&(struct child_program){ .argv = argv,
	                                             .envp = envp,
	                                             .input_fd = database->dump_out },
	                    &output);
	close(database->dump_out);
	dumped = child_wait(database->dump, STOP_MS);
	if (!dumped && !status)
		return 0;
	/* SIGPIPE: because pg_restore failed */
	if (!dumped || dumped == 128 + SIGPIPE)
		return fail_restore(restore, output.text);
	what = str_print("unable to read database '%s'", name);
	(void)!pread(database->dump_error, error, sizeof(error) - 1, 0);
	return fail(restore, what, error);
}

static int restore_database(struct restore *restore, const struct db_url *url,
                            const struct engine_import_database *database)
{
	cleanup_str struct str create = { 0 };
	int ret = strcmp(url->name, "postgres") ? 0 : execute(restore, "DROP DATABASE postgres");

	if (!database->create) {
		str_add(&create, "CREATE DATABASE ");
		engine_add_quoted(&create, url->name, '"');
		str_add(&create, " OWNER ");
		engine_add_quoted(&create, url->role, '"');
	}
	ret = ret ? ret : execute(restore, create.len ? create.text : database->create);
	if (ret || (!database->dump && !database->extensions))
		return ret;
	if (database->dump)
		ret = restore_contents(restore, url->name, database);
	ret = ret ? ret : connect_to(restore, url->name);
	ret = ret ? ret : execute(restore, database->dump ? analyze : database->extensions);
	return ret ? ret : connect_to(restore, "template1");
}

static int restore_all(struct restore *restore)
{
	const struct engine_build *build = restore->build;
	cleanup_strv char **done = NULL;
	int ret = connect_to(restore, "template1");

	ret = ret ? ret : restore_roles(restore);
	for (unsigned int i = 0; i < build->url_count && !ret; i++)
		if (build->urls[i].port == build->spec->port &&
		    !strv_has(done, build->urls[i].name)) {
			strv_add(&done, build->urls[i].name);
			ret = restore_database(restore, &build->urls[i],
			                       &build->import->databases[i]);
		}
	return ret;
}

int postgres_restore(const struct engine_build *build, struct str *ret_text)
{
	struct restore restore = { .build = build, .text = ret_text };
	cleanup_free char *why = NULL;
	int ret, status;
	pid_t pid;

	if (libpq_load(&why))
		return fail_restore(&restore, why);
	pid = start_server(build);
	if (pid < 0)
		return (int)pid;
	ret = wait_until_ready(&restore, pid);
	ret = ret ? ret : restore_all(&restore);
	libpq.PQfinish(restore.conn);
	(void)kill(pid, SIGINT);
	status = child_wait(pid, STOP_MS);
	if (ret || !status)
		return ret;
	str_add(ret_text, "the server that restored what was imported did not end cleanly");
	return -EIO;
}
