/* SPDX-License-Identifier: MIT */
/*
 * Copies the databases of the user's server to files, by pg_dumpall and pg_dump of the server's
 * major version. In a job, with our rights, in read-only transactions.
 */
#include "tools/db/private/import.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/process/child.h"

enum { JOBS_MAX = 4 };

/* The words of PostgreSQL's programs about what failed: the server's message, else their own. */
static void add_error(struct str *ret_text, const char *output)
{
	const char *error = output ? strstr(output, "ERROR:  ") : NULL;

	if (!error && output)
		error = strstr(output, "error: ");
	error = error ? strchr(error, ':') + 1 + strspn(strchr(error, ':') + 1, " ")
	              : "the program could not be run";
	str_add_len(ret_text, error, strcspn(error, "\n"));
}

/* @argv	without the connection, which is in the environment; freed */
static int run_program(const struct db_programs *programs, const struct db_url *url,
                       const char *database, char **argv, struct str *ret_text)
{
	cleanup_strv char **words = NULL, **envp = strv_copy(environ);
	cleanup_str struct str output = { 0 };
	cleanup_free char *path = str_print("%s/%s", programs->bin, argv[0]), *port = NULL;
	uint16_t number;
	const char *host = db_url_server(url, &number);
	int status;

	port = str_print("%u", number);
	environ_set(&envp, "PGHOST", host);
	environ_set(&envp, "PGPORT", port);
	environ_set(&envp, "PGUSER", url->role);
	environ_set(&envp, "PGDATABASE", database);
	environ_set(&envp, "PGAPPNAME", "berth");
	environ_set(&envp, "PGOPTIONS", "-c default_transaction_read_only=on");
	if (db_url_sslmode(url))
		environ_set(&envp, "PGSSLMODE", db_url_sslmode(url));
	if (url->password)
		environ_set(&envp, "PGPASSWORD", url->password);
	strv_own(&words, steal(&path));
	for (char **word = argv + 1; *word; word++)
		strv_add(&words, *word);
	strv_free(argv);
	status = child_exec(&(struct child_program){ .argv = words, .envp = envp }, &output);
	for (char **variable = envp; *variable; variable++)
		if (str_starts(*variable, "PGPASSWORD="))
			explicit_bzero(*variable, strlen(*variable));
	if (!status)
		return 0;
	str_addf(ret_text, "unable to read database '%s': ", database);
	add_error(ret_text, output.text);
	return -EIO;
}

/* Return: the first URL at its port with that database, or NULL if @i is a later one. */
static bool is_first(const struct db *db, unsigned int i)
{
	for (unsigned int j = 0; j < i; j++)
		if (db->urls[j].port == db->urls[i].port &&
		    !strcmp(db->urls[j].name, db->urls[i].name))
			return false;
	return true;
}

static int dump_database(const struct db *db, const struct db_programs *programs, unsigned int i,
                         const char *dir, struct str *ret_text)
{
	cleanup_free char *to = str_print("%s/%u.dump", dir, i), *sql = NULL, *jobs = NULL;
	const char *text = db->import->databases[i].extensions;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char **argv;

	jobs = str_print("-j%ld", cpus < 1 ? 1 : cpus > JOBS_MAX ? JOBS_MAX : cpus);
	argv = strv_of("pg_dump", "-w", "-Fd", "-Z0", jobs, "-C", "--no-tablespaces",
	               "--no-subscriptions", "--lock-wait-timeout=10s", "-f", to);
	if (db->config.command) {
		sql = str_print("%s/%u.sql", dir, i);
		strv_add(&argv, "-s");
		strv_add(&argv, "-T");
		strv_add(&argv, "*.*");
		if (file_replace(sql, text, strlen(text), 0600))
			return -EIO;
	}
	return run_program(programs, &db->urls[i], db->urls[i].name, argv, ret_text);
}

int import_dump(const struct db *db, const struct db_programs *programs, const char *dir,
                struct str *ret_text)
{
	int ret = 0;

	for (unsigned int port = 0; port < db->port_count && !ret; port++) {
		cleanup_free char *below = str_print("%s/%u", dir, db->ports[port]),
				  *roles = str_print("%s/roles.sql", below);
		bool begun = false;

		if (!db->import->read[port])
			continue;
		ret = mkdir(below, 0700) ? -errno : 0;
		for (unsigned int i = 0; i < db->url_count && !ret; i++) {
			const struct db_url *url = &db->urls[i];
			const char *name = db->import->databases[i].exists ? url->name : "postgres";

			if (url->port != db->ports[port])
				continue;
			if (!begun)
				ret = run_program(programs, url, name,
				                  strv_of("pg_dumpall", "-w", "--roles-only",
				                          "--no-role-passwords", "-l", name, "-f",
				                          roles),
				                  ret_text);
			begun = true;
			if (!ret && db->import->databases[i].exists && is_first(db, i))
				ret = dump_database(db, programs, i, below, ret_text);
		}
	}
	return ret;
}
