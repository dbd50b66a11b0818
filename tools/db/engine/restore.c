/* SPDX-License-Identifier: MIT */
/*
 * Fills a fresh data directory with what private/import.c has read from the user's server. The
 * server runs for that time only, and only its Unix socket is open. In a job, as the servers' user,
 * who is `postgres` there by pg_ident.conf; it ends with the job.
 */
#include "tools/db/engine/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/process/child.h"

enum { READY_MS = 60000, READY_EVERY_MS = 20, STOP_MS = 120000, JOBS_MAX = 4 };

static const char port[] = "1"; /* of the socket's name; no worker has it */

struct restore {
	const struct engine_build *build;
	struct str *text; /* what failed */
	char jobs[16];
};

/* --- its server --- */

static pid_t start_server(const struct engine_build *build)
{
	cleanup_free char *program = str_print("%s/postgres", build->programs->bin),
			  *sockets = str_print("unix_socket_directories=%s", build->socket_dir),
			  *log = str_print("%s.log", build->data);
	cleanup_strv char **argv = strv_of(program, "-D", build->data, "-p", port, "-c", sockets,
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

/* @input	standard input; may be NULL. Return: 0; -EIO, and the reason is in @restore. */
static int run(struct restore *restore, const char *database, const char *input, char **argv)
{
	const struct db_programs *programs = restore->build->programs;
	cleanup_strv char **words = argv, **envp = NULL;
	cleanup_str struct str output = { 0 };
	char *name = str_print("%s/%s", programs->bin, argv[0]);
	const char *error;

	free(argv[0]);
	argv[0] = name;
	strv_add(&envp, "PATH=/usr/bin:/bin");
	strv_own(&envp, str_print("PGHOST=%s", restore->build->socket_dir));
	strv_own(&envp, str_print("PGPORT=%s", port));
	strv_own(&envp, str_print("PGDATABASE=%s", database));
	strv_add(&envp, "PGUSER=postgres");
	if (!child_exec(&(struct child_program){ .argv = words, .envp = envp, .input = input },
	                &output))
		return 0;
	error = output.text ? strstr(output.text, "ERROR:  ") : NULL;
	error = error ? error + strlen("ERROR:  ") : output.text ? output.text : argv[0];
	str_addf(restore->text, "unable to restore what was imported: %.*s",
	         (int)strcspn(error, "\n"), error);
	return -EIO;
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

#define psql(...) strv_of("psql", "-Xq", "-v", "ON_ERROR_STOP=1", ##__VA_ARGS__)

/*
 * roles.sql without what cannot be repeated here: role postgres exists, and the grantors of a
 * membership have no rights yet. \restrict is of newer minor versions, whose psql may be missing.
 */
static char *roles_of(const char *path)
{
	cleanup_free char *text = NULL;
	struct str sql = { 0 };

	if (file_read(path, &text, NULL))
		return NULL;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char *by = str_starts(line, "GRANT ") ? strstr(line, " GRANTED BY ") : NULL;

		if (*line == '\\' || !strcmp(line, "CREATE ROLE postgres;") ||
		    str_starts(line, "ALTER ROLE postgres WITH "))
			continue;
		str_add_len(&sql, line, by ? (size_t)(by - line) : strlen(line));
		str_add(&sql, by ? ";\n" : "\n");
	}
	return str_take(&sql);
}

static void add_value(struct str *sql, const char *text)
{
	str_add(sql, "E");
	engine_add_quoted(sql, text, '\'');
}

/* A statement that psql executes if no row of @table has @name. */
static void add_unless(struct str *sql, const char *statement, const char *table,
                       const char *column, const char *name)
{
	str_add(sql, "SELECT ");
	add_value(sql, statement);
	str_addf(sql, " WHERE NOT EXISTS (SELECT FROM %s WHERE %s = ", table, column);
	add_value(sql, name);
	str_add(sql, ")\\gexec\n");
}

static void add_role(struct str *sql, const struct engine_build *build, const struct db_url *url)
{
	cleanup_str struct str role = { 0 }, create = { 0 };

	engine_add_quoted(&role, url->role, '"');
	str_addf(&create, "CREATE ROLE %s LOGIN CREATEDB", role.text);
	add_unless(sql, create.text, "pg_roles", "rolname", url->role);
	if (url->password) {
		str_addf(sql, "ALTER ROLE %s PASSWORD ", role.text);
		add_value(sql, url->password);
		str_add(sql, ";\n");
	}
	if (build->role && strcmp(url->role, "postgres"))
		str_addf(sql, "ALTER ROLE %s %s;\n", role.text,
		         build->role == DB_ROLE_SUPERUSER ? "SUPERUSER" : "NOSUPERUSER CREATEDB");
}

static int restore_roles(struct restore *restore)
{
	const struct engine_build *build = restore->build;
	cleanup_free char *path = str_print("%s/roles.sql", build->dump), *roles = roles_of(path);
	cleanup_str struct str sql = { 0 };
	int ret;

	str_add(&sql, roles ? roles : "");
	for (unsigned int i = 0; i < build->url_count; i++)
		if (build->urls[i].port == build->spec->port)
			add_role(&sql, build, &build->urls[i]);
	ret = run(restore, "postgres", sql.text ? sql.text : "", psql("-f", "-"));
	if (sql.text)
		explicit_bzero(sql.text, sql.len);
	return ret;
}

/* The entries of the dump that make the database, not what is in it. */
static int list_database(struct restore *restore, const char *dump, const char *list)
{
	static const char *const kinds[] = { " DATABASE ", " DATABASE PROPERTIES ",
		                             " COMMENT - DATABASE ", " ACL - DATABASE " };
	cleanup_free char *program = str_print("%s/pg_restore", restore->build->programs->bin);
	cleanup_strv char **argv = strv_of(program, "-l", "-C", dump), **lines = NULL;
	cleanup_str struct str output = { 0 }, chosen = { 0 };

	if (child_exec(&(struct child_program){ .argv = argv }, &output))
		return -EIO;
	lines = strv_split(output.text, "\n");
	for (char **line = lines; line && *line; line++) {
		const char *kind = *line; /* after "3321; 1262 16388" */

		for (int word = 0; word < 3 && kind; word++)
			kind = strchr(kind + 1, ' ');
		for (size_t i = 0; **line != ';' && kind && i < ARRAY_LEN(kinds); i++)
			if (str_starts(kind, kinds[i])) {
				str_addf(&chosen, "%s\n", *line);
				break;
			}
	}
	return chosen.len ? file_replace(list, chosen.text, chosen.len, 0600) : -EIO;
}

/* @sql	the extensions, if the setup command makes the contents; else NULL */
static int restore_database(struct restore *restore, const char *name, const char *dump,
                            const char *sql)
{
	cleanup_free char *list = str_print("%s.list", dump), *text = NULL;
	char **argv = strv_of("pg_restore", "-e", "-C", "-d", "template1", "--no-tablespaces");
	int ret = 0;

	if (!strcmp(name, "postgres"))
		ret = run(restore, "template1", NULL, psql("-c", "DROP DATABASE postgres"));
	if (!ret && sql)
		ret = list_database(restore, dump, list);
	if (sql) {
		strv_add(&argv, "-L");
		strv_add(&argv, list);
	} else {
		strv_add(&argv, restore->jobs);
	}
	strv_add(&argv, dump);
	if (ret)
		strv_free(argv);
	else
		ret = run(restore, "template1", NULL, argv);
	if (ret || !sql)
		return ret ? ret
		           : run(restore, name, NULL,
		                 strv_of("vacuumdb", "-q", "--analyze-only", restore->jobs));
	ret = file_read(sql, &text, NULL);
	return ret || !*text ? ret : run(restore, name, text, psql("-f", "-"));
}

static int restore_all(struct restore *restore)
{
	const struct engine_build *build = restore->build;
	cleanup_str struct str missing = { 0 };
	int ret = restore_roles(restore);

	for (unsigned int i = 0; i < build->url_count && !ret; i++) {
		const struct db_url *url = &build->urls[i];
		cleanup_free char *dump = str_print("%s/%u.dump", build->dump, i),
				  *sql = str_print("%s/%u.sql", build->dump, i);
		cleanup_str struct str create = { 0 };

		if (url->port != build->spec->port)
			continue;
		if (!access(dump, F_OK))
			ret = restore_database(restore, url->name, dump,
			                       access(sql, F_OK) ? NULL : sql);
		str_add(&create, "CREATE DATABASE ");
		engine_add_quoted(&create, url->name, '"');
		str_add(&create, " OWNER ");
		engine_add_quoted(&create, url->role, '"');
		add_unless(&missing, create.text, "pg_database", "datname", url->name);
	}
	return ret || !missing.len ? ret : run(restore, "template1", missing.text, psql("-f", "-"));
}

int postgres_restore(const struct engine_build *build, struct str *ret_text)
{
	struct restore restore = { .build = build, .text = ret_text };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pid_t pid = start_server(build);
	int ret, status;

	if (pid < 0)
		return (int)pid;
	snprintf(restore.jobs, sizeof(restore.jobs), "-j%ld",
	         cpus < 1          ? 1
	         : cpus > JOBS_MAX ? JOBS_MAX
	                           : cpus);
	ret = wait_until_ready(&restore, pid);
	ret = ret ? ret : restore_all(&restore);
	(void)kill(pid, SIGINT);
	status = child_wait(pid, STOP_MS);
	if (ret || !status)
		return ret;
	str_add(ret_text, "the server that restored what was imported did not end cleanly");
	return -EIO;
}
