/* SPDX-License-Identifier: MIT */
/*
 * MariaDB as a private server. Its bootstrap mode makes users and databases: it reads SQL from
 * stdin, and needs no port, no socket and no password on a command line. A user may do everything,
 * because the server belongs to one worker.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/db/common/digest.h"
#include "tools/db/engine/engine.h"
#include "tools/process/child.h"

#define LOG_SIZE "--innodb-log-file-size=16M"

static const char *const program_paths[] = { "/usr/sbin/mariadbd", "/usr/sbin/mysqld" };

/*
 * A clone must be started with the settings that its template was made with, because sizes of files
 * are among them. No setting makes data survive a crash.
 */
static const char *const settings[] = {
	"--no-defaults",
	"--bind-address=127.0.0.1,::1",
	"--skip-name-resolve",
	"--skip-log-bin",
	"--character-set-server=utf8mb4",
	"--performance-schema=OFF",
	"--innodb-buffer-pool-size=32M",
	LOG_SIZE,
	"--innodb-use-native-aio=0",
	"--innodb-flush-log-at-trx-commit=0",
	"--innodb-doublewrite=0",
	"--innodb-fast-shutdown=1",
};

static const char *program(void)
{
	for (size_t i = 0; i < ARRAY_LEN(program_paths); i++)
		if (!access(program_paths[i], X_OK))
			return program_paths[i];
	return NULL;
}

static char *stamp(const struct db_programs *programs)
{
	cleanup_free char *file = program() ? digest_stamp(program()) : NULL;
	struct str text = { 0 };

	(void)programs;
	if (!file)
		return NULL;
	str_add(&text, file);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		str_addf(&text, " %s", settings[i]);
	return str_take(&text);
}

static void add_user(struct str *sql, const struct db_url *url)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1", "::1" };

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		str_add(sql, "GRANT ALL ON *.* TO ");
		engine_add_quoted(sql, url->role, '\'');
		str_addf(sql, "@'%s' IDENTIFIED BY ", hosts[i]);
		engine_add_quoted(sql, url->password ? url->password : "", '\'');
		str_add(sql, " WITH GRANT OPTION;\n");
	}
}

static void add_database(struct str *sql, const struct db_url *url)
{
	if (!*url->name)
		return;
	str_add(sql, "CREATE DATABASE IF NOT EXISTS ");
	engine_add_quoted(sql, url->name, '`');
	str_add(sql, ";\n");
}

static char *const plain_env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C",
	                           NULL };

static int install(const char *data, struct str *ret_text)
{
	cleanup_free char *dir = str_print("--datadir=%s", data);
	cleanup_strv char **argv = strv_of("/usr/bin/mariadb-install-db", "--no-defaults", dir,
	                                   "--skip-test-db",
	                                   "--auth-root-authentication-method=normal", LOG_SIZE);

	return child_exec(&(struct child_program){ .argv = argv, .envp = plain_env }, ret_text);
}

static char **server_words(const char *data, char *const *more)
{
	char **argv = NULL;

	strv_add(&argv, program());
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		strv_add(&argv, settings[i]);
	for (; more && *more; more++)
		strv_own(&argv, str_print("--%s", *more));
	strv_own(&argv, str_print("--datadir=%s", data));
	return argv;
}

static int bootstrap(const char *data, char *const *more, const char *sql, struct str *ret_text)
{
	cleanup_strv char **argv = server_words(data, more);

	strv_add(&argv, "--bootstrap");
	return child_exec(&(struct child_program){ .argv = argv, .envp = plain_env, .input = sql },
	                  ret_text);
}

static int build(const struct engine_build *build, struct str *ret_text)
{
	cleanup_str struct str sql = { 0 }, output = { 0 };
	int status = install(build->data, &output);
	const char *error;

	/* the bootstrap mode does not load the grant tables, which GRANT needs */
	str_add(&sql, "FLUSH PRIVILEGES;\n");
	for (unsigned int i = 0; i < build->url_count; i++)
		if (build->urls[i].port == build->spec->port) {
			add_database(&sql, &build->urls[i]);
			add_user(&sql, &build->urls[i]);
		}
	if (!status)
		status = bootstrap(build->data, build->spec->settings, sql.text, &output);
	explicit_bzero(sql.text, sql.len);
	error = output.text ? strstr(output.text, "ERROR") : NULL;
	if (!status && !error)
		return 0;
	str_add_len(ret_text, error ? error : "mariadb-install-db failed",
	            error ? strcspn(error, "\n") : 25);
	return -EIO;
}

static char *socket_path(const struct instance_params *params)
{
	return str_print("%s/mysqld.%u", params->socket_dir, params->port);
}

static char **command_line(const struct instance_params *params)
{
	char **argv = server_words(params->data, params->spec->settings);

	strv_own(&argv, str_print("--pid-file=%s/pid", params->data));
	strv_own(&argv, str_print("--port=%u", params->port));
	strv_add(&argv, "--socket");
	strv_own(&argv, socket_path(params));
	return argv;
}

/* The server speaks first: a header of 4 bytes, then 10, the version of the protocol. */
static bool is_ready(const char *reply, size_t len)
{
	return len > 4 && reply[4] == 10;
}

static char *open_command(const struct db_programs *programs, const struct db_url *url,
                          const char *data)
{
	cleanup_free char *where = str_shell_word(data), *role = str_shell_word(url->role);
	cleanup_free char *name = *url->name ? str_shell_word(url->name) : str_copy("");
	cleanup_free char *start = str_print("%s --no-defaults --datadir=%s " LOG_SIZE
	                                     " --port=33060 "
	                                     "--socket=/tmp/berth-kept.sock",
	                                     program(), where);
	cleanup_free char *command = engine_as_user(programs, start);

	return str_print("%s   # then: mariadb -h 127.0.0.1 -P 33060 -u %s -p %s", command, role,
	                 name);
}

const struct db_engine db_engine_mariadb = {
	.name = "mariadb",
	.package = "mariadb-server",
	.sockets = { "/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/tmp/mysql.sock" },
	.is_ready = is_ready,
	.busy = "Address already in use",
	.fatal = { "[ERROR]" },
	.stop_clean = SIGTERM,
	.stop_now = SIGKILL,
	.stamp = stamp,
	.build = build,
	.command_line = command_line,
	.socket_path = socket_path,
	.open_command = open_command,
};
