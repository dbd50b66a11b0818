/* SPDX-License-Identifier: MIT */
/* Checks what workers' databases need: server programs, and rights and connections on a server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/cli/doctor/doctor.h"
#include "tools/cli/common/servers.h"
#include "tools/db/health.h"
#include "tools/db/engine/programs.h"
#include "tools/run/database/database.h"

enum { CONNECTIONS_PER_WORKER = 10 }; /* the default pool size of most libraries */

static bool wants_postgres(const struct run_options *options)
{
	for (unsigned int i = 0; i < options->database_count; i++)
		if (servers_is_postgres(&options->database_list[i]))
			return true;
	return false;
}

void check_programs(struct doctor *doctor)
{
	cleanup_strv char **dirs = db_programs_list();
	cleanup_str struct str list = { 0 };

	for (char **dir = dirs; dir && *dir; dir++)
		str_addf(&list, "%s%s", list.len ? ", " : "", *dir);
	if (dirs) {
		doctor_say(doctor, DOCTOR_OK, "server programs of PostgreSQL in %s", list.text);
		return;
	}
	doctor_say(doctor, wants_postgres(doctor->options) ? DOCTOR_WARNING : DOCTOR_NOTE,
	           "no server programs of PostgreSQL, so no private databases");
	doctor_cause(doctor, "neither /usr/lib/postgresql nor PATH has postgres and initdb");
	doctor_remedy(doctor, "apt-get install postgresql, or set BERTH_PG_BIN to their directory");
}

void check_private(struct doctor *doctor)
{
	struct db_health_private health;
	cleanup_free char *why = NULL;
	int ret = db_health_private(&health, &why);

	if (!ret) {
		doctor_say(doctor, DOCTOR_OK,
		           "user '%s' made and queried a private server in %lld ms", health.user,
		           (long long)health.ms);
	} else {
		doctor_say(doctor, wants_postgres(doctor->options) ? DOCTOR_ERROR : DOCTOR_NOTE,
		           "no private server can be made%s%s%s", health.user ? " by user '" : "",
		           health.user ? health.user : "", health.user ? "'" : "");
		doctor_cause(doctor, "%s", why ? why : strerror(-ret));
		if (ret == -ENOENT)
			doctor_remedy(doctor, "apt-get install postgresql, or set BERTH_PG_BIN to "
			                      "their directory");
		else if (ret == -EACCES)
			doctor_remedy(doctor,
			              "set XDG_CACHE_HOME to a directory that this user can reach");
		else
			doctor_remedy(doctor, "initdb -D $(mktemp -d), as that user, says more");
	}
	db_health_private_free(&health);
}

/* @mode	of the project's databases, because of @why; NULL = it is not known */
static void rate_connected(struct doctor *doctor, const struct db_health_server *server,
                           enum db_mode mode, const char *why)
{
	const struct run_options *options = doctor->options;
	unsigned int workers = run_options_workers(options);
	unsigned int max = server->pool.max, used = server->pool.used;
	unsigned int left = max > used ? max - used : 0, needed = workers * CONNECTIONS_PER_WORKER;

	if (mode == DB_IMPORT || mode == DB_PRIVATE) {
		doctor_say(doctor, DOCTOR_OK,
		           "%s answers, version %u.%u: workers get private servers%s",
		           server->where, server->version / 10000, server->version % 10000,
		           mode == DB_IMPORT ? " with its roles and databases" : "");
		return;
	}
	if (why)
		doctor_say(doctor, DOCTOR_OK, "workers share the server: db-mode is rename (%s)",
		           why);
	if (!server->may_create) {
		doctor_say(doctor, DOCTOR_ERROR, "%s may not create databases", server->where);
		doctor_cause(doctor, "the role has no CREATEDB");
		doctor_remedy(doctor, "psql -U postgres -c 'ALTER ROLE \"%s\" CREATEDB'",
		              server->role);
	}
	doctor_say(doctor, left < needed ? DOCTOR_WARNING : DOCTOR_OK,
	           "%s answers, version %u.%u: %u of %u connections are left, for %u worker%s",
	           server->where, server->version / 10000, server->version % 10000, left, max,
	           workers, workers == 1 ? "" : "s");
	if (left >= needed)
		return;
	doctor_cause(doctor, "a suite with a pool of %d connections needs %u",
	             CONNECTIONS_PER_WORKER, needed);
	doctor_remedy(
		doctor,
		"psql -U postgres -c 'ALTER SYSTEM SET max_connections = %u', then restart it",
		used + needed + CONNECTIONS_PER_WORKER);
}

static void rate_server(struct doctor *doctor, const char *database, enum db_mode mode,
                        const char *mode_reason)
{
	struct db_health_server server;
	cleanup_free char *why = NULL, *shown = str_redacted(database);
	int ret = db_health_server(database, doctor->options->project_dir, &server, &why);

	if (!ret && server.connected) {
		rate_connected(doctor, &server, mode, mode_reason);
	} else if (ret) {
		doctor_say(doctor, DOCTOR_ERROR, "database '%s' cannot be reached%s%s", shown,
		           server.where ? " as " : "", server.where ? server.where : "");
		doctor_cause(doctor, "%s", why ? why : strerror(-ret));
		doctor_remedy(doctor, "%s",
		              ret == -ENOENT
		                      ? "apt-get install libpq5"
		                      : "correct the URL in berth.yaml, DATABASE_URL or .env; "
		                        "or: berth run --db-mode private");
	} else if (!server.local) {
		doctor_say(doctor, DOCTOR_ERROR,
		           "database '%s' is at %s, which is not this machine", shown,
		           server.where);
		doctor_cause(doctor, "only local addresses are remapped");
		doctor_remedy(doctor, "berth run --db-mode off, or a URL with localhost");
	} else if (doctor->options->db_mode == DB_RENAME) {
		doctor_say(doctor, DOCTOR_ERROR, "no server answers at %s, and db-mode is rename",
		           server.where);
		doctor_remedy(doctor, "start the server, or: berth run --db-mode private");
	} else {
		doctor_say(doctor, DOCTOR_OK,
		           "no server answers at %s: workers get private servers", server.where);
	}
	db_health_server_free(&server);
}

void check_server(struct doctor *doctor)
{
	cleanup_strv char **databases = servers_databases(doctor->options);
	cleanup_free char *why = NULL;
	enum db_mode mode = DB_OFF;

	if (doctor->options->database_count && database_choose(doctor->options, &mode, &why))
		mode = DB_OFF;
	for (char **database = databases; database && *database; database++)
		rate_server(doctor, *database, mode, mode == DB_RENAME ? why : NULL);
	if (!databases)
		doctor_say(doctor, DOCTOR_OK, "the project names no PostgreSQL database");
}
