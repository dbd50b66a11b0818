/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL as a private server.
 *
 * initdb is slow, and its result does not depend on the project. It is kept as base-KEY, and a
 * template begins as a copy of it. PostgreSQL's single-user mode makes roles and databases, without
 * a port, a socket or a password on a command line.
 *
 * Passwords are SCRAM verifiers in the data directory (mode 0700). The password itself is only on
 * the stdin of that process: of an error only the ERROR line is used, and statements are not
 * logged.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/db/common/clone.h"
#include "tools/db/common/digest.h"
#include "tools/db/engine/postgres.h"
#include "tools/db/common/certificate.h"
#include "tools/process/child.h"

/*
 * The data need not survive a crash of the machine, so nothing is synced. Settings that a suite can
 * notice (max_connections, isolation, time zone) keep PostgreSQL's defaults.
 */
static const char settings[] = "\n"
			       "# Berth: a throw-away server for one worker of one run\n"
			       "listen_addresses = '127.0.0.1,::1'\n"
			       "ssl_cert_file = 'server.crt'\n"
			       "ssl_key_file = 'server.key'\n"
			       "fsync = off\n"
			       "synchronous_commit = off\n"
			       "full_page_writes = off\n"
			       "wal_level = minimal\n"
			       "max_wal_senders = 0\n"
			       "max_logical_replication_workers = 0\n"
			       "shared_buffers = 16MB\n"
			       "min_wal_size = 4MB\n"
			       "max_wal_size = 256MB\n"
			       "checkpoint_timeout = 1h\n"
			       "autovacuum = off\n"
			       "jit = off\n"
			       "lc_messages = 'C'\n"
			       "log_destination = 'stderr'\n"
			       "logging_collector = off\n"
			       "log_checkpoints = off\n"
			       "log_min_error_statement = panic\n"
			       "password_encryption = 'scram-sha-256'\n";

/*
 * What write_access() does. It is part of the stamp, so that a change of the rules makes new
 * templates.
 */
static const char access_rules[] = "URLs' roles as their URLs say, others without a password if a "
				   "URL has none, postgres with one";

static char *const plain_env[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL };

static const char *wanted_locale(void)
{
	const char *locale = getenv("LC_ALL");

	if (!locale || !*locale)
		locale = getenv("LANG");
	return locale && strcasestr(locale, "utf") ? locale : "C.UTF-8";
}

/* Size and time of the program tell builds apart as well as its version, and cost less. */
static char *stamp(const struct db_programs *programs)
{
	cleanup_free char *program = str_print("%s/postgres", programs->bin),
			  *file = digest_stamp(program);

	return str_print("%s %s %s%s", file ? file : program, wanted_locale(), settings,
	                 access_rules);
}

int postgres_initdb(const struct db_programs *programs, const char *data, const char *locale,
                    struct str *ret_output)
{
	cleanup_free char *program = str_print("%s/initdb", programs->bin);
	cleanup_strv char **argv = strv_of(program, "-D", data, "-U", "postgres", "-E", "UTF8",
	                                   "--locale", locale, "-A", "trust", "--no-sync",
	                                   "--wal-segsize=1");

	return child_exec(&(struct child_program){ .argv = argv, .envp = plain_env }, ret_output);
}

int postgres_single(const struct db_programs *programs, const char *data, const char *sql,
                    struct str *ret_output)
{
	cleanup_free char *program = str_print("%s/postgres", programs->bin);
	cleanup_strv char **argv = strv_of(program, "--single", "-F", "-D", data, "postgres");

	return child_exec(&(struct child_program){ .argv = argv, .envp = plain_env, .input = sql },
	                  ret_output);
}

static int append(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	return fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
}

static int base_build(const struct db_programs *programs, const char *base, struct str *ret_text)
{
	static const char *const fall_back[] = { NULL, "C.UTF-8", "C" };
	cleanup_free char *building = str_print("%s.building", base);
	cleanup_free char *data = str_print("%s/data", building);
	cleanup_free char *conf = str_print("%s/postgresql.conf", data);
	int ret = -1;

	for (size_t i = 0; i < ARRAY_LEN(fall_back) && ret; i++) {
		str_free(ret_text);
		(void)dir_remove(building);
		if (mkdir(building, 0700))
			return -errno;
		ret = postgres_initdb(programs, data, fall_back[i] ? fall_back[i] : wanted_locale(),
		                      ret_text);
	}
	if (ret)
		return -EIO;
	str_free(ret_text);
	ret = append(conf, settings);
	if (!ret)
		ret = certificate_write(data); /* for URLs with sslmode=require */
	if (!ret && rename(building, base))
		ret = -errno;
	return ret;
}

/* @ret_base	the directory as initdb leaves it; made at the first time */
static int base_find(const struct db_programs *programs, char **ret_base, struct str *ret_text)
{
	cleanup_free char *made_of = stamp(programs), *key = digest_of(made_of);
	cleanup_free char *base = key ? str_print("%s/base-%s", programs->cache, key) : NULL;
	cleanup_free char *lock_path = str_print("%s/base.lock", programs->cache);
	cleanup_close int lock = -1;
	int ret = 0;

	if (!key)
		return -ELIBACC;
	if (access(base, F_OK)) {
		lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (lock < 0 || flock(lock, LOCK_EX))
			return -errno;
		if (access(base, F_OK))
			ret = base_build(programs, base, ret_text);
	}
	if (!ret)
		*ret_base = steal(&base);
	return ret;
}

static void add_quoted(struct str *sql, const char *text, char quote)
{
	if (quote == '\'')
		str_add(sql, "E");
	engine_add_quoted(sql, text, quote);
}

/*
 * Return: URL @i is of this server, and no URL before it has the same role, or the same database if
 * @by_name.
 */
static bool is_first(const struct engine_build *build, unsigned int i, bool by_name)
{
	const struct db_url *url = &build->urls[i];

	for (unsigned int j = 0; j < i; j++)
		if (build->urls[j].port == url->port &&
		    !strcmp(by_name ? build->urls[j].name : build->urls[j].role,
		            by_name ? url->name : url->role))
			return false;
	return url->port == build->spec->port;
}

/*
 * A role that is no superuser may do what the role of a project on a shared server may: otherwise
 * row level security would be off, and tests of permissions would pass or fail wrongly.
 */
static void add_role(struct str *sql, const struct db_url *url)
{
	str_add(sql, strcmp(url->role, "postgres") ? "CREATE ROLE " : "ALTER ROLE ");
	add_quoted(sql, url->role, '"');
	str_add(sql, url->superuser || !strcmp(url->role, "postgres") ? " LOGIN SUPERUSER"
	                                                              : " LOGIN CREATEDB");
	if (url->password) {
		str_add(sql, " PASSWORD ");
		add_quoted(sql, url->password, '\'');
	}
	str_add(sql, "\n");
}

static void add_database(struct str *sql, const struct db_url *url)
{
	static const char *const given[] = { "postgres", "template0", "template1" };

	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		if (!strcmp(url->name, given[i]))
			return;
	str_add(sql, "CREATE DATABASE ");
	add_quoted(sql, url->name, '"');
	str_add(sql, " OWNER ");
	add_quoted(sql, url->role, '"');
	str_add(sql, "\n");
}

/*
 * The line that names the error. A server that cannot read its settings names the wrong one before
 * it gives up.
 */
static const char *error_in(const char *output)
{
	static const char *const signs[] = { "ERROR:", "unrecognized configuration parameter",
		                             "invalid value for parameter", "syntax error in file",
		                             "FATAL:" };
	const char *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(signs) && !found; i++)
		found = strstr(output, signs[i]);
	return found;
}

static int run_sql(const struct db_programs *programs, const char *data, const char *sql,
                   struct str *ret_text)
{
	cleanup_str struct str output = { 0 };
	int status = postgres_single(programs, data, sql, &output);
	const char *error = output.text ? error_in(output.text) : NULL;

	if (!status && !error)
		return 0;
	error = error ? error : "the server ended unexpectedly";
	str_add_len(ret_text, error, strcspn(error, "\n"));
	return -EIO;
}

/* @role	NULL = every role */
static void add_access(struct str *hba, const char *role, const char *method)
{
	static const char *const from[] = { "", " 127.0.0.1/32", " ::1/128" };

	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
		str_add(hba, i ? "host all,replication " : "local all,replication ");
		if (role)
			add_quoted(hba, role, '"');
		else
			str_add(hba, "all");
		str_addf(hba, "%s %s\n", from[i], method);
	}
}

/*
 * Who may connect: the roles of the URLs by password (without one if their URL has none), and Berth
 * through the socket. A URL without a password belongs to a server that trusts its clients. There
 * the roles that the suite makes need no password either.
 *
 * @by_berth	as role postgres through the socket, whatever the URLs say: to fill the databases
 */
static int write_access(const struct engine_build *build, bool by_berth)
{
	cleanup_free char *hba_path = str_print("%s/pg_hba.conf", build->data),
			  *ident_path = str_print("%s/pg_ident.conf", build->data);
	cleanup_str struct str hba = { 0 }, ident = { 0 };
	static const char by_password[] = "scram-sha-256";
	bool postgres_in_url = false, trusting = false;
	int ret;

	if (by_berth)
		str_add(&hba, "local all postgres peer map=berth\n");
	for (unsigned int i = 0; i < build->url_count; i++) {
		const struct db_url *url = &build->urls[i];

		if (!is_first(build, i, false))
			continue;
		postgres_in_url |= !strcmp(url->role, "postgres");
		trusting |= !url->password;
		add_access(&hba, url->role, url->password ? by_password : "trust");
	}
	if (!postgres_in_url) {
		str_add(&hba, "local all postgres peer map=berth\n");
		add_access(&hba, "postgres", by_password);
	}
	/* for the probe (hello, below): a server that asks for a password logs no error */
	add_access(&hba, "berth", by_password);
	add_access(&hba, NULL, trusting ? "trust" : by_password);
	str_addf(&ident, "berth %s postgres\n", build->programs->user);
	if (strcmp(build->programs->user, build->programs->owner))
		str_addf(&ident, "berth %s postgres\n", build->programs->owner);
	ret = file_replace(hba_path, hba.text, hba.len, 0600);
	return ret ? ret : file_replace(ident_path, ident.text, ident.len, 0600);
}

static int write_settings(const struct engine_build *build)
{
	cleanup_free char *path = str_print("%s/postgresql.conf", build->data);
	cleanup_str struct str lines = { 0 };

	for (char *const *setting = build->spec->settings; setting && *setting; setting++) {
		const char *value = strchr(*setting, '=') + 1;

		str_add_len(&lines, *setting, (size_t)(value - *setting));
		engine_add_quoted(&lines, value, '\'');
		str_add(&lines, "\n");
	}
	return lines.len ? append(path, lines.text) : 0;
}

static int build(const struct engine_build *build, struct str *ret_text)
{
	cleanup_free char *base = NULL, *from = NULL;
	cleanup_str struct str sql = { 0 };
	int ret = base_find(build->programs, &base, ret_text);

	if (ret)
		return ret;
	from = str_print("%s/data", base);
	ret = db_clone_tree(from, build->data, DB_CLONE_REFLINK);
	if (ret)
		ret = db_clone_tree(from, build->data, DB_CLONE_COPY);
	if (build->import) {
		ret = ret ? ret : write_access(build, true);
		ret = ret ? ret : write_settings(build);
		ret = ret ? ret : postgres_restore(build, ret_text);
		return ret ? ret : write_access(build, false);
	}
	for (unsigned int i = 0; i < build->url_count; i++)
		if (is_first(build, i, false))
			add_role(&sql, &build->urls[i]);
	for (unsigned int i = 0; i < build->url_count; i++)
		if (is_first(build, i, true))
			add_database(&sql, &build->urls[i]);
	ret = ret ? ret : write_access(build, false);
	ret = ret ? ret : write_settings(build);
	ret = ret ? ret : run_sql(build->programs, build->data, sql.text, ret_text);
	if (sql.text)
		explicit_bzero(sql.text, sql.len);
	return ret;
}

/* An option here overrides the project's settings in postgresql.conf, so there are few. */
static char **command_line(const struct instance_params *params)
{
	cleanup_free char *program = str_print("%s/postgres", params->programs->bin);
	cleanup_free char *port = str_print("%u", params->port);
	cleanup_free char *sockets = str_print("unix_socket_directories=%s", params->socket_dir);
	char **argv = strv_of(program, "-D", params->data, "-p", port, "-c", sockets);

	if (params->idle_kill_ms) {
		strv_add(&argv, "-c");
		strv_own(&argv, str_print("idle_in_transaction_session_timeout=%lld",
		                          (long long)params->idle_kill_ms));
	}
	if (params->tls) {
		strv_add(&argv, "-c");
		strv_add(&argv, "ssl=on");
	}
	return argv;
}

static char *socket_path(const struct instance_params *params)
{
	return str_print("%s/.s.PGSQL.%u", params->socket_dir, params->port);
}

/*
 * Every reply but 57P03 (cannot_connect_now) says that clients can connect: most often it asks for
 * a password.
 */
static bool is_ready(const char *reply, size_t len)
{
	return !memmem(reply, len, "57P03", 5);
}

static char *open_command(const struct db_programs *programs, const struct db_url *url,
                          const char *data)
{
	cleanup_free char *where = str_shell_word(data), *role = str_shell_word(url->role),
			  *name = str_shell_word(url->name);
	cleanup_free char *start = str_print("%s/postgres -D %s -p 54320 -k /tmp", programs->bin,
	                                     where);
	cleanup_free char *command = engine_as_user(programs, start);

	return str_print("%s   # then: psql -h /tmp -p 54320 -U %s %s", command, role, name);
}

/* A start-up packet of protocol 3.0 for user `berth` and database `berth`. */
static const char hello[] = "\0\0\0\x23\0\3\0\0user\0berth\0database\0berth\0";
_Static_assert(sizeof(hello) == 0x23, "the packet begins with its length");

const struct db_engine db_engine_postgres = {
	.name = "postgres",
	.sockets = { "/var/run/postgresql/.s.PGSQL.%u", "/run/postgresql/.s.PGSQL.%u",
	             "/tmp/.s.PGSQL.%u" },
	.hello = hello,
	.hello_len = sizeof(hello),
	.is_ready = is_ready,
	.busy = "could not bind",
	.fatal = { "FATAL:", "PANIC:" },
	.stop_clean = SIGINT, /* fast shutdown: ends sessions, writes a checkpoint */
	.stop_now = SIGQUIT,
	.stamp = stamp,
	.build = build,
	.command_line = command_line,
	.socket_path = socket_path,
	.open_command = open_command,
};
