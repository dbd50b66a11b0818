/* SPDX-License-Identifier: MIT */
/*
 * Law: what bears no comment of Berth's is nobody's business here, and what has an owner that lives is the owner's. That
 * is decided by the server: whoever can take a lease's lock knows that nobody else has it, and keeps it while dropping.
 */
#include "tools/db/rename/owned.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/rename/admin.h"
#include "tools/db/common/answers.h"

struct server {
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

static void server_close(struct server *server)
{
	admin_close(server->admin);
	db_url_free(&server->url);
	free(server->where);
}

static int server_open(const char *database, const char *project_dir, struct server *server,
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
	if (!db_url_answers(&server->url)) { /* admin_open() would wait for it */
		*ret_why = str_copy("no server answers");
		return -ENOTCONN;
	}
	return admin_open(&server->url, -1, &server->admin, ret_why);
}

static char *text_of(const json_t *owner, const char *key)
{
	return str_copy(json_string_value(json_object_get(owner, key)));
}

struct reading {
	struct owned_list *into;
	char **suffixes; /* strv, one per entry, "" if there is none */
};

static int64_t number_of(const json_t *owner, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(owner, key));
}

static void add(void *arg, const char *database, bool is_template, int64_t size_bytes,
                const char *comment)
{
	struct reading *reading = arg;
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

/* The lock is held for as long as it takes to say so; a lease is never taken twice, so nobody can miss it. */
static void ask_leases(struct admin *admin, const struct reading *reading)
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
	struct server server = { 0 };
	struct reading reading = { ret_list, NULL };
	int ret = server_open(database, project_dir, &server, ret_why);

	*ret_list = (struct owned_list){ .where = str_copy(server.where) };
	if (!ret)
		ret = admin_each_owned(server.admin, add, &reading, ret_why);
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

int owned_drop(const char *database, const char *project_dir, const char *physical, char **ret_why)
{
	struct server server = { 0 };
	struct owned_list list = { 0 };
	struct reading reading = { &list, NULL };
	int ret = server_open(database, project_dir, &server, ret_why);

	if (!ret)
		ret = admin_each_owned(server.admin, add, &reading, ret_why);
	for (size_t i = 0; !ret && i < list.count; i++)
		if (!strcmp(list.list[i].physical, physical)) {
			ret = admin_drop_owned(server.admin, physical, reading.suffixes[i],
			                       ret_why);
			goto out;
		}
	if (!ret) {
		*ret_why = str_copy("there is no such database of Berth's");
		ret = -ENOENT;
	}
out:
	strv_free(reading.suffixes);
	owned_free(&list);
	server_close(&server);
	return ret;
}
