/* SPDX-License-Identifier: MIT */
/*
 * Reads the contents of the user's databases by pg_dump of the server's major version. In a job,
 * with our rights, in read-only transactions.
 */
#include "tools/db/private/import.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/process/child.h"

static char **environment(const struct db_url *url)
{
	char **envp = strv_copy(environ);
	uint16_t number;
	const char *host = db_url_server(url, &number);
	cleanup_free char *port = str_print("%u", number);

	environ_set(&envp, "PGHOST", host);
	environ_set(&envp, "PGPORT", port);
	environ_set(&envp, "PGUSER", url->role);
	environ_set(&envp, "PGDATABASE", url->name);
	environ_set(&envp, "PGAPPNAME", "berth");
	environ_set(&envp, "PGOPTIONS", "-c default_transaction_read_only=on");
	if (db_url_sslmode(url))
		environ_set(&envp, "PGSSLMODE", db_url_sslmode(url));
	if (url->password)
		environ_set(&envp, "PGPASSWORD", url->password);
	return envp;
}

static int start_dump(const struct db_programs *programs, const struct db_url *url,
                      struct engine_import_database *database)
{
	cleanup_free char *program = str_print("%s/pg_dump", programs->bin);
	cleanup_strv char **envp = environment(url),
			  **argv = strv_of(program, "-w", "-Fc", "-Z0", "--no-tablespaces",
	                                   "--no-subscriptions", "--lock-wait-timeout=10s");
	cleanup_close int error = memfd_create("pg_dump", MFD_CLOEXEC), reader = -1, writer = -1;
	int pipes[2];
	pid_t pid;

	if (error < 0 || pipe2(pipes, O_CLOEXEC))
		return -errno;
	reader = pipes[0];
	writer = pipes[1];
	pid = child_fork(SIGKILL);
	if (!pid) {
		if (dup2(writer, 1) < 0 || dup2(error, 2) < 0)
			_exit(127);
		execve(program, argv, envp);
		_exit(127);
	}
	for (char **variable = envp; *variable; variable++)
		if (str_starts(*variable, "PGPASSWORD="))
			explicit_bzero(*variable, strlen(*variable));
	if (pid < 0)
		return (int)pid;
	database->dump = pid;
	database->dump_out = steal_fd(&reader);
	database->dump_error = steal_fd(&error);
	return 0;
}

/* Return: false if @i has the same database as a URL before it. */
static bool is_first(const struct db *db, unsigned int i)
{
	for (unsigned int j = 0; j < i; j++)
		if (db->urls[j].port == db->urls[i].port &&
		    !strcmp(db->urls[j].name, db->urls[i].name))
			return false;
	return true;
}

int import_dump(const struct db *db, const struct db_programs *programs)
{
	int ret = 0;

	for (unsigned int i = 0; i < db->url_count && !ret && !db->config.command; i++)
		if (db->import->databases[i].create && is_first(db, i))
			ret = start_dump(programs, &db->urls[i], &db->import->databases[i]);
	return ret;
}
