/* SPDX-License-Identifier: MIT */
/* Several databases of a project are often on one server. It is queried once. */
#include "tools/cli/common/servers.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/common/url.h"

bool servers_is_postgres(const struct run_database *database)
{
	return database->kind == DB_KIND_POSTGRES && (database->url || database->name);
}

char **servers_databases(const struct run_options *options)
{
	char **list = NULL, *fallback;

	for (unsigned int i = 0; i < options->database_count; i++)
		if (servers_is_postgres(&options->database_list[i]))
			strv_add(&list, options->database_list[i].url
			                        ? options->database_list[i].url
			                        : options->database_list[i].name);
	if (list)
		return list;
	fallback = db_url_default(options->project_dir);
	if (fallback &&
	    (str_starts(fallback, "postgres://") || str_starts(fallback, "postgresql://")))
		strv_own(&list, fallback);
	else
		free(fallback);
	return list;
}

static bool seen(const struct server_view *views, size_t count, const char *where)
{
	for (size_t i = 0; where && i < count; i++)
		if (str_equal(views[i].owned.where, where))
			return true;
	return false;
}

size_t servers_look(const struct run_options *options, struct server_view **ret_views)
{
	cleanup_strv char **databases = servers_databases(options);
	struct server_view *views = mem_alloc((strv_len(databases) + 1) * sizeof(*views));
	size_t count = 0;

	for (char **database = databases; database && *database; database++) {
		cleanup_free char *where = owned_where(*database, options->project_dir);
		struct server_view *view = &views[count];

		if (seen(views, count, where))
			continue;
		view->database = str_copy(*database);
		view->error = owned_read(*database, options->project_dir, &view->owned, &view->why);
		count++;
	}
	*ret_views = views;
	return count;
}

void servers_free(struct server_view *views, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		explicit_bzero(views[i].database, strlen(views[i].database));
		free(views[i].database);
		free(views[i].why);
		owned_free(&views[i].owned);
	}
	free(views);
}

const char *servers_state(const struct owned_database *owned)
{
	return owned->is_template ? "template"
	       : owned->alive     ? "live"
	       : owned->kept      ? "kept"
	                          : "dead";
}
