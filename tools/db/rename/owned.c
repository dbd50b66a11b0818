/* SPDX-License-Identifier: MIT */
/*
 * Lists and drops databases that have a comment of Berth's; all others are left alone. The server
 * decides whether an owner is alive: this process can take the lock of a lease only if no other
 * session has it, and holds it while it drops. Runs in the `berth` command itself.
 */
#include "tools/db/rename/owned.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/rename/admin_session.h"
#include "tools/db/common/answers.h"

struct owned_server {
	struct db_url url;
	struct admin *admin;
	char *where;
};

/* Return: 0; -EINVAL. */
static int parse(const char *database, const char *project_dir, struct db_url *ret_url)
{
	char *default_url = db_url_default(project_dir);
	int ret = db_url_parse(database, default_url, ret_url);

	if (default_url)
		explicit_bzero(default_url, strlen(default_url));
	free(default_url);
	return ret;
}

char *owned_where(const char *database, const char *project_dir)
{
	struct db_url url;
	char *where;

	if (parse(database, project_dir, &url))
		return NULL;
	where = db_url_where(&url);
	db_url_free(&url);
	return where;
}

static void server_close(struct owned_server *server)
{
	admin_close(server->admin);
	db_url_free(&server->url);
	free(server->where);
}

static int server_open(const char *database, const char *project_dir, struct owned_server *server,
                       char **ret_why)
{
	int ret = parse(database, project_dir, &server->url);

	if (ret) {
		*ret_why = str_copy("neither a name nor a PostgreSQL URL");
		return ret;
	}
	server->where = db_url_where(&server->url);
	if (!server->url.server_host && !db_url_local(&server->url)) {
		*ret_why = str_print("host '%s' is not this machine", server->url.host);
		return -ENOTSUP;
	}
	if (!db_url_answers(&server->url)) { /* admin_open() would retry */
		*ret_why = str_copy("no server answers");
		return -ENOTCONN;
	}
	return admin_open(&server->url, -1, &server->admin, ret_why);
}

static char *text_of(const json_t *owner, const char *key)
{
	return str_copy(json_string_value(json_object_get(owner, key)));
}

struct owned_reading {
	struct owned_list *into;
	char **suffixes; /* strv, one per entry, "" if there is none */
};

static int64_t number_of(const json_t *owner, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(owner, key));
}

static void add(struct owned_reading *reading, const char *database, bool is_template,
                int64_t size_bytes, const char *comment)
{
	struct owned_list *into = reading->into;
	json_t *owner = json_loads(comment, 0, NULL);
	const char *suffix = json_string_value(json_object_get(owner, "suffix"));

	into->list = mem_grow(into->list, into->count + 1, sizeof(*into->list));
	into->list[into->count++] = (struct owned_database){
		.physical = str_copy(database),
		.logical = text_of(owner, "logical"),
		.run = text_of(owner, "run"),
		.task = text_of(owner, "task"),
		.host = text_of(owner, "host"),
		.snapshot = text_of(owner, "snapshot"),
		.worker = (unsigned int)number_of(owner, "worker"),
		.heartbeat_s = number_of(owner, is_template ? "used" : "heartbeat"),
		.made_s = number_of(owner, "made"),
		.size_bytes = size_bytes,
		.is_template = is_template,
		.kept = json_is_true(json_object_get(owner, "kept")),
	};
	strv_add(&reading->suffixes, suffix ? suffix : "");
	json_decref(owner);
}

/* Return: 0; -EIO and *ret_why. */
static int read_all(struct admin *admin, struct owned_reading *reading, char **ret_why)
{
	cleanup_result PGresult *list = admin_ask(
		admin, 4,
		"SELECT datname, datistemplate, shobj_description(oid, 'pg_database'), "
		"CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE "
		"-1 END FROM pg_database "
		"WHERE shobj_description(oid, 'pg_database') LIKE '{\"berth\"%' ORDER BY datname",
		NULL);
	int ret = admin_error(list, ret_why);

	for (int row = 0; !ret && row < libpq.PQntuples(list); row++)
		add(reading, libpq.PQgetvalue(list, row, 0), *libpq.PQgetvalue(list, row, 1) == 't',
		    strtoll(libpq.PQgetvalue(list, row, 3), NULL, 10),
		    libpq.PQgetvalue(list, row, 2));
	return ret;
}

/* No run takes a lease twice, so none misses the lock that this process holds for a moment. */
static void ask_leases(struct admin *admin, const struct owned_reading *reading)
{
	for (size_t i = 0; i < reading->into->count; i++) {
		const char *suffix = reading->suffixes[i];

		if (!*suffix)
			continue;
		reading->into->list[i].alive = !admin_lock(admin, suffix);
		if (!reading->into->list[i].alive)
			admin_unlock(admin, suffix);
	}
}

int owned_read(const char *database, const char *project_dir, struct owned_list *ret_list,
               char **ret_why)
{
	struct owned_server server = { 0 };
	struct owned_reading reading = { ret_list, NULL };
	int ret = server_open(database, project_dir, &server, ret_why);

	*ret_list = (struct owned_list){ .where = str_copy(server.where) };
	if (!ret)
		ret = read_all(server.admin, &reading, ret_why);
	if (!ret)
		ask_leases(server.admin, &reading);
	strv_free(reading.suffixes);
	server_close(&server);
	return ret;
}

void owned_free(struct owned_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->list[i].physical);
		free(list->list[i].logical);
		free(list->list[i].run);
		free(list->list[i].task);
		free(list->list[i].host);
		free(list->list[i].snapshot);
	}
	free(list->list);
	free(list->where);
	*list = (struct owned_list){ 0 };
}

static int drop(struct admin *admin, const char *database, const char *suffix, char **ret_why)
{
	bool is_template = !*suffix && (str_starts(database, "berth_tpl_") ||
	                                str_starts(database, "berth_snap_"));
	int ret;

	if (!is_template && (!admin_is_suffix(suffix) || !str_ends(database, suffix))) {
		*ret_why = str_copy("its comment does not fit its name");
		return -EINVAL;
	}
	if (!is_template && !admin_lock(admin, suffix)) {
		*ret_why = str_copy("its owner is alive");
		return -EBUSY;
	}
	ret = admin_drop(admin, database, is_template, true);
	if (ret)
		*ret_why = str_copy("the server refuses");
	if (!is_template)
		admin_unlock(admin, suffix);
	return ret;
}

int owned_drop(const char *database, const char *project_dir, const char *physical, char **ret_why)
{
	struct owned_server server = { 0 };
	struct owned_list list = { 0 };
	struct owned_reading reading = { &list, NULL };
	int ret = server_open(database, project_dir, &server, ret_why);

	if (!ret)
		ret = read_all(server.admin, &reading, ret_why);
	for (size_t i = 0; !ret && i < list.count; i++)
		if (!strcmp(list.list[i].physical, physical)) {
			ret = drop(server.admin, physical, reading.suffixes[i], ret_why);
			goto out;
		}
	if (!ret) {
		*ret_why = str_copy("no database of Berth's has this name");
		ret = -ENOENT;
	}
out:
	strv_free(reading.suffixes);
	owned_free(&list);
	server_close(&server);
	return ret;
}
