/* SPDX-License-Identifier: MIT */
/*
 * `berth db template` lists and drops what workers' databases are copied from: templates, which
 * setup commands made, and snapshots, which users took. Both lie in the cache of private mode and
 * on the project's shared servers. This file shows them as one list.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/db/db.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/term.h"
#include "tools/db/template/cache.h"

enum { HASH_SHOWN = 12, HASH_LEAST = 8 };

struct row {
	const struct cache_list *cache; /* either @cache and @cached, or @view and @owned */
	const struct cache_entry *cached;
	const struct server_view *view;
	const struct owned_database *owned;
	const char *name; /* a snapshot's name, or a template's hash; not NUL-terminated */
	int name_len;
	bool is_snapshot;
	int64_t size_bytes, made_s, used_s;
};

struct rows {
	struct row *list;
	size_t count;
};

static void add(struct rows *rows, struct row row)
{
	rows->list = mem_grow(rows->list, rows->count + 1, sizeof(*rows->list));
	rows->list[rows->count++] = row;
}

static void add_cache(struct rows *rows, const struct cache_list *cache)
{
	for (size_t i = 0; i < cache->count; i++) {
		const struct cache_entry *cached = &cache->list[i];

		add(rows, (struct row){ .cache = cache,
		                        .cached = cached,
		                        .name = cached->name,
		                        .name_len = (int)strlen(cached->name),
		                        .is_snapshot = cached->is_snapshot,
		                        .size_bytes = cached->size_bytes,
		                        .made_s = cached->made_s,
		                        .used_s = cached->used_s });
	}
}

/* A template's database is named berth_tpl_HASH_INDEX. */
static void add_server(struct rows *rows, const struct server_view *view)
{
	static const char prefix[] = "berth_tpl_";

	for (size_t i = 0; i < view->owned.count; i++) {
		const struct owned_database *owned = &view->owned.list[i];
		const char *name = owned->snapshot ? owned->snapshot : owned->physical;

		if (!owned->is_template)
			continue;
		name += str_starts(name, prefix) ? strlen(prefix) : 0;
		add(rows,
		    (struct row){
			    .view = view,
			    .owned = owned,
			    .name = name,
			    .is_snapshot = owned->snapshot,
			    .name_len = (int)(owned->snapshot ? strlen(name) : strcspn(name, "_")),
			    .size_bytes = owned->size_bytes,
			    .made_s = owned->made_s,
			    .used_s = owned->heartbeat_s ? owned->heartbeat_s : owned->made_s });
	}
}

static json_t *json_row(const struct row *row)
{
	return json_pack("{s:s, s:s, s:s%, s:b, s:s?, s:s?, s:s?, s:I, s:I, s:I}", "mode",
	                 row->cache ? "private" : "rename", "where",
	                 row->cache ? row->cache->where : row->view->owned.where, "name", row->name,
	                 (size_t)row->name_len, "snapshot", row->is_snapshot, "ports",
	                 row->cache ? row->cached->ports : NULL, "database",
	                 row->owned ? row->owned->logical : NULL, "physical",
	                 row->owned ? row->owned->physical : NULL, "size_bytes",
	                 (json_int_t)row->size_bytes, "made", (json_int_t)row->made_s, "used",
	                 (json_int_t)row->used_s);
}

static void print_rows(const struct rows *rows)
{
	struct term_table table = { 0 };

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->list[i];
		cleanup_free char *made = db_age(row->made_s), *used = db_age(row->used_s);

		term_cellf(&table, "%.*s", row->is_snapshot ? row->name_len : HASH_SHOWN,
		           row->name);
		term_cell(&table, row->is_snapshot ? "snapshot" : "template");
		term_cell_own(&table, db_size(row->size_bytes));
		term_cellf(&table, "made %s ago", made);
		if (row->is_snapshot)
			term_cell(&table, "");
		else
			term_cellf(&table, "used %s ago", used);
		if (row->cache)
			term_cellf(&table, "private, port %s%s", row->cached->ports,
			           row->cached->used_now ? ", in use" : "");
		else
			term_cellf(&table, "%s on %s",
			           row->owned->logical ? row->owned->logical : row->owned->physical,
			           row->view->owned.where);
		term_row(&table);
	}
	if (!rows->count)
		printf("there are no templates and no snapshots\n");
	term_print(&table);
}

static bool is_named(const struct row *row, const char *name)
{
	if (row->owned && !strcmp(row->owned->physical, name))
		return true;
	if (row->is_snapshot)
		return !strcmp(row->name, name);
	return strlen(name) >= HASH_LEAST && !strncmp(row->name, name, strlen(name));
}

static int drop_row(const struct cli *cli, const struct row *row, const char *name)
{
	const char *where = row->cache ? row->cache->where : row->view->owned.where;
	cleanup_free char *why = NULL;
	int ret = 0;

	if (!cli->run.dry_run)
		ret = row->cache ? cache_drop(row->cache, row->cached)
		                 : owned_drop(row->view->database, cli->run.project_dir,
		                              row->owned->physical, &why);
	if (!ret) {
		term_printf("%s %s %.*s in %s\n", cli->run.dry_run ? "would drop" : "dropped",
		            row->is_snapshot ? "snapshot" : "template", row->name_len, row->name,
		            where);
		return 0;
	}
	fflush(stdout);
	log_line("unable to drop '%s' in %s: %s", name, where,
	         ret == -EBUSY ? "a live run uses it"
	         : why         ? why
	                       : strerror(-ret));
	if (ret == -EBUSY)
		log_hint("try again when the runs that `berth ps` lists have ended");
	return 1;
}

static int drop_named(const struct cli *cli, const struct rows *rows, const char *name)
{
	size_t found = 0;
	int status = 0;

	for (size_t i = 0; i < rows->count; i++) {
		if (!is_named(&rows->list[i], name))
			continue;
		status |= drop_row(cli, &rows->list[i], name);
		found++;
	}
	if (found)
		return status;
	log_line("unable to drop '%s': there is no such template and no such snapshot", name);
	log_hint("berth db template");
	return 1;
}

static int act(struct cli *cli, const struct rows *rows)
{
	json_t *array;
	int status = 0;

	for (char **name = cli->args[1] ? cli->args + 2 : NULL; name && *name; name++)
		status |= drop_named(cli, rows, *name);
	if (cli->args[1])
		return status;
	if (!cli->json) {
		print_rows(rows);
		return 0;
	}
	array = json_array();
	for (size_t i = 0; i < rows->count; i++)
		json_array_append_new(array, json_row(&rows->list[i]));
	output_json(array);
	return 0;
}

static int on_servers(struct cli *cli, const struct server_view *views, size_t count)
{
	struct cache_list cache;
	struct rows rows = { 0 };
	cleanup_free char *why = NULL;
	int ret = cache_read(&cache, &why), status = 0;

	if (ret) {
		log_line("unable to read the cache of private servers: %s",
		         why ? why : strerror(-ret));
		status = 1;
	}
	add_cache(&rows, &cache);
	for (size_t i = 0; i < count; i++) {
		add_server(&rows, &views[i]);
		if (!views[i].error || views[i].error == -ENOTCONN)
			continue;
		log_line("unable to query %s: %s",
		         views[i].owned.where ? views[i].owned.where : "a database",
		         views[i].why ? views[i].why : strerror(-views[i].error));
		status = 1;
	}
	status |= act(cli, &rows);
	free(rows.list);
	cache_free(&cache);
	return status;
}

int db_template(struct cli *cli)
{
	if (cli->args[1] && strcmp(cli->args[1], "drop"))
		return cli_usage(cli,
		                 "expected drop or nothing after 'berth db template', got '%s'",
		                 cli->args[1]);
	if (cli->args[1] && !cli->args[2])
		return cli_usage(cli, "'berth db template drop' needs an argument: NAME...");
	return db_on_servers(cli, on_servers);
}
