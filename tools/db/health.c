/* SPDX-License-Identifier: MIT */
/*
 * Private mode is tried with initdb and a query in a single-user backend, which needs the same
 * shared memory, locale and rights as a server but no port. A job does it, so that root becomes the
 * server's user and a deadline ends it.
 *
 * A shared server is asked once. admin_open() retries for seconds, which is right for a run, but
 * not for a diagnosis.
 */
#include "tools/db/health.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/loop.h"
#include "tools/base/str.h"
#include "tools/process/job.h"
#include "tools/db/common/answers.h"
#include "tools/db/common/libpq.h"
#include "tools/db/db.h"
#include "tools/db/mode/mode.h"
#include "tools/db/engine/programs.h"
#include "tools/db/common/url.h"

enum { ATTEMPT_MAX_MS = 60000, CONNECT_MS = 2000 };

struct attempt {
	const struct db_programs *programs;
	char *dir;
	int error;
	char *why;
	bool over;
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

static int make_data_directory(void *arg, struct str *ret_text)
{
	static char *const envp[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL };
	const struct attempt *attempt = arg;
	cleanup_free char *initdb = str_print("%s/initdb", attempt->programs->bin);
	cleanup_free char *postgres = str_print("%s/postgres", attempt->programs->bin);
	char *make[] = { initdb,
		         (char *)"-D",
		         attempt->dir,
		         (char *)"-U",
		         (char *)"postgres",
		         (char *)"-A",
		         (char *)"trust",
		         (char *)"--no-sync",
		         (char *)"--wal-segsize=1",
		         NULL };
	char *ask[] = { postgres,     (char *)"--single", (char *)"-F", (char *)"-D",
		        attempt->dir, (char *)"postgres", NULL };
	cleanup_str struct str output = { 0 };
	int ret;

	if (mkdir(attempt->dir, 0700)) {
		str_add(ret_text, strerror(errno));
		return -EACCES;
	}
	ret = child_exec(&(struct child_program){ .argv = make, .envp = envp }, &output);
	if (!ret) {
		str_free(&output);
		ret = child_exec(&(struct child_program){ .argv = ask,
		                                          .envp = envp,
		                                          .input = "SELECT 6 * 7\n" },
		                 &output);
		if (!ret && !strstr(output.text ? output.text : "", "42"))
			ret = 1;
	}
	(void)dir_remove(attempt->dir);
	if (ret) {
		cleanup_free char *line = last_line(output.text ? output.text : "");

		str_add(ret_text, ret < 0 ? strerror(-ret) : line);
	}
	return ret ? -EIO : 0;
}

static void on_made(void *arg, int error, const char *text)
{
	struct attempt *attempt = arg;

	attempt->over = true;
	attempt->error = error;
	attempt->why = str_copy(error == -ETIME ? "it took longer than a minute" : text);
}

static int attempt_run(struct attempt *attempt)
{
	struct loop *loop = NULL;
	struct job *job = NULL;
	int ret = loop_open(&loop);
	struct job_setup setup = {
		.loop = loop,
		.uid = attempt->programs->uid,
		.gid = attempt->programs->gid,
		.deadline_ms = ATTEMPT_MAX_MS,
		.run = make_data_directory,
		.arg = attempt,
		.done = on_made,
		.done_arg = attempt,
	};

	if (!ret)
		ret = job_start(&setup, &job);
	while (!ret && !attempt->over)
		ret = loop_step(loop, -1);
	loop_close(loop);
	(void)dir_remove(attempt->dir);
	return ret ? ret : attempt->error;
}

int db_health_private(struct db_health_private *ret_result, char **ret_why)
{
	struct db_programs programs;
	struct attempt attempt = { .programs = &programs };
	int64_t began_ms = clock_ms();
	int ret;

	*ret_result = (struct db_health_private){ 0 };
	ret = db_programs_find(&programs, ret_why);
	if (ret)
		return ret;
	attempt.dir = str_print("%s/try-%d", programs.cache, (int)getpid());
	ret = attempt_run(&attempt);
	*ret_result = (struct db_health_private){ str_copy(programs.bin), str_copy(programs.user),
		                                  clock_ms() - began_ms };
	if (ret)
		*ret_why = attempt.why && *attempt.why ? steal(&attempt.why)
		                                       : str_copy(strerror(-ret));
	free(attempt.why);
	free(attempt.dir);
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
