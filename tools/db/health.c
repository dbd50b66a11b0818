/* SPDX-License-Identifier: MIT */
/*
 * Private mode is tried with initdb and a query in a single-user backend. That needs the same
 * shared memory, locale and rights as a server, but no port. A child does it, so that root becomes
 * the server's user and a deadline ends it.
 *
 * A shared server is asked once. admin_open() retries for seconds, which is right for a run, but
 * not for a diagnosis.
 */
#include "tools/db/health.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/db/common/answers.h"
#include "tools/db/common/libpq.h"
#include "tools/db/common/url.h"
#include "tools/db/db.h"
#include "tools/db/engine/postgres.h"
#include "tools/db/mode/mode.h"
#include "tools/process/child.h"
#include "tools/process/job.h"

enum { ATTEMPT_MAX_S = 60, CONNECT_MS = 2000 };

struct attempt {
	const struct db_programs *programs;
	const char *dir; /* does not exist yet */
};

/* The last line that is not empty: there programs write what went wrong. */
static char *last_line(const char *text)
{
	size_t len = strlen(text), start;

	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	for (start = len; start && text[start - 1] != '\n'; start--)
		;
	return libpq_words(text + start, len - start);
}

/* In a child: make a data directory, and ask it something. */
static int attempt_run(void *arg, struct str *ret_text)
{
	const struct attempt *attempt = arg;
	cleanup_str struct str output = { 0 };
	cleanup_free char *line = NULL;
	int ret = job_drop(attempt->programs->uid, attempt->programs->gid);

	alarm(ATTEMPT_MAX_S);
	if (!ret && mkdir(attempt->dir, 0700))
		ret = -errno;
	ret = ret ? ret : postgres_initdb(attempt->programs, attempt->dir, "C", &output);
	if (!ret) {
		str_free(&output);
		ret = postgres_single(attempt->programs, attempt->dir, "SELECT 6 * 7\n", &output);
		if (!ret && !strstr(output.text ? output.text : "", "42"))
			ret = 1;
	}
	(void)dir_remove(attempt->dir);
	line = ret > 0 ? last_line(output.text ? output.text : "") : str_copy(strerror(-ret));
	str_add(ret_text, line);
	return ret ? -EIO : 0;
}

int db_health_private(struct db_health_private *ret_result, char **ret_why)
{
	struct db_programs programs;
	int64_t began_ms = clock_ms();
	cleanup_free char *dir = NULL, *text = NULL;
	int ret;

	*ret_result = (struct db_health_private){ 0 };
	ret = db_programs_find(&programs, ret_why);
	if (ret)
		return ret;
	dir = str_print("%s/try-%d", programs.cache, (int)getpid());
	ret = child_call(attempt_run, &(struct attempt){ &programs, dir }, &text);
	(void)dir_remove(dir);
	*ret_result = (struct db_health_private){ str_copy(programs.bin), str_copy(programs.user),
		                                  clock_ms() - began_ms };
	if (ret)
		*ret_why = ret == -ECHILD ? str_copy("it took longer than a minute")
		                          : str_copy(*text ? text : strerror(-ret));
	db_programs_free(&programs);
	return ret;
}

void db_health_private_free(struct db_health_private *result)
{
	free(result->bin);
	free(result->user);
	*result = (struct db_health_private){ 0 };
}

static PGconn *connect_once(const struct db_url *url)
{
	struct libpq_target target = { .database = "postgres",
		                       .url = url,
		                       .sslmode = db_url_sslmode(url),
		                       .options = "-c statement_timeout=5s" };

	target.host = db_url_server(url, &target.port);
	return libpq_connect(&target, CONNECT_MS);
}

static int ask(PGconn *conn, struct db_health_server *server, char **ret_why)
{
	PGresult *result;
	int ret = 0;

	if (libpq.PQstatus(conn) != CONNECTION_OK) {
		*ret_why = last_line(libpq_error(conn));
		return -ECONNREFUSED;
	}
	server->version = (unsigned int)libpq.PQserverVersion(conn);
	result = libpq_ask(
		conn, -1, 1,
		"SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user", NULL);
	if (libpq.PQresultStatus(result) == PGRES_TUPLES_OK && libpq.PQntuples(result) == 1 &&
	    libpq_pool(conn, -1, &server->pool)) {
		server->connected = true;
		server->may_create = *libpq.PQgetvalue(result, 0, 0) == 't';
	} else {
		*ret_why = last_line(libpq.PQresultErrorMessage(result));
		ret = -EIO;
	}
	libpq.PQclear(result);
	return ret;
}

int db_health_server(const char *database, const char *project_dir,
                     struct db_health_server *ret_server, char **ret_why)
{
	cleanup_free char *default_url = db_url_default(project_dir);
	struct db_url url;
	int ret = db_url_parse(database, default_url, &url);

	*ret_server = (struct db_health_server){ 0 };
	if (default_url)
		explicit_bzero(default_url, strlen(default_url));
	if (ret) {
		*ret_why = str_copy("neither a name nor a PostgreSQL URL");
		return ret;
	}
	ret_server->role = str_copy(url.role);
	ret_server->where = db_url_where(&url);
	ret_server->local = url.server_host || db_url_local(&url);
	ret_server->answers = ret_server->local && db_url_answers(&url);
	if (ret_server->answers) {
		ret = libpq_load(ret_why);
		if (!ret) {
			PGconn *conn = connect_once(&url);

			ret = ask(conn, ret_server, ret_why);
			libpq.PQfinish(conn);
		}
	}
	db_url_free(&url);
	return ret;
}

void db_health_server_free(struct db_health_server *server)
{
	free(server->where);
	free(server->role);
	*server = (struct db_health_server){ 0 };
}

/* The arithmetic, and what would fit. */
static char *pool_refusal(const struct db_health_server *server,
                          const struct db_pool_request *request, const char *where)
{
	/* without the connection of this check */
	unsigned int each = request->each + 1, max = server->pool.max, used = server->pool.used - 1;
	unsigned int left = max > used ? max - used : 0, fit = left ? (left - 1) / each : 0;
	cleanup_free char *fewer = fit ? str_print("-j %u fits; ", fit) : str_copy("");

	return str_print("too few connections are left: %u worker%s at once x (%u%s + 1 of "
	                 "Berth's) + 1 = %u, and the server at %s "
	                 "has %u: max_connections %u - %u reserved - %u in use\n"
	                 "hint: %sor raise max_connections, or say in berth.yaml how many a worker "
	                 "needs (pool)",
	                 request->workers, request->workers == 1 ? "" : "s", request->each,
	                 request->seen ? " as in earlier runs" : "", request->workers * each + 1,
	                 where, left, max + server->pool.reserved, server->pool.reserved, used,
	                 fewer);
}

int db_pool_check(const struct db *db, const struct db_pool_request *request,
                  unsigned int *ret_left, char **ret_why)
{
	struct db_health_server server = { 0 };
	const struct db_url *url = db->urls;
	cleanup_free char *where = NULL, *why = NULL;
	PGconn *conn;
	int ret;

	*ret_left = 0;
	if (db->mode != DB_RENAME || libpq_load(&why))
		return 0;
	where = db_url_where(url);
	conn = connect_once(url);
	ret = ask(conn, &server, &why);
	libpq.PQfinish(conn);
	/*
	 * The connection of this check is among those in use. The preparing process opens one in
	 * its place.
	 */
	if (!ret && server.pool.max > server.pool.used)
		*ret_left = server.pool.max - server.pool.used;
	if (ret || server.pool.used + request->workers * (request->each + 1) <= server.pool.max)
		return 0;
	*ret_why = pool_refusal(&server, request, where);
	return -EUSERS;
}
