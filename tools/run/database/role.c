/* SPDX-License-Identifier: MIT */
/*
 * POSTGRES_USER in a compose or CI file says that the project's server comes from the official
 * image, which makes that role a superuser. Any other role is what a careful administrator makes:
 * it owns its databases and may create others.
 */
#include "tools/run/database/role.h"

#include <glob.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/db/common/dotenv.h"
#include "tools/db/common/url.h"

/* The last is the text from which references to variables are expanded. */
static const char *const patterns[] = {
	"{docker-,}compose*.y{,a}ml",
	".devcontainer/*.y{,a}ml",
	".github/workflows/*.y{,a}ml",
	".gitlab-ci.y{,a}ml",
	".circleci/config.yml",
	"{bitbucket,azure}-pipelines.yml",
	".woodpecker.y{,a}ml",
	".drone.yml",
	".env",
};
static const char variable[] = "POSTGRES_USER";

/*
 * The value after an occurrence of the variable in YAML, block or flow style, or in .env; NULL if
 * it is a comment or a reference to the variable. The caller's to free.
 */
static char *value_at(const char *text, const char *at)
{
	const char *line = at, *value = at + strlen(variable);
	size_t len;

	while (line > text && line[-1] != '\n')
		line--;
	if (memchr(line, '#', (size_t)(at - line)) || (at > text && strchr("{$_", at[-1])))
		return NULL;
	value += *value == '"' || *value == '\'';
	value += strspn(value, " \t");
	if (*value != ':' && *value != '=')
		return NULL;
	value++;
	value += strspn(value, " \t\"'");
	len = *value == '$' ? strcspn(value, "}\n") + 1 : strcspn(value, ",}] \t\r\n\"'#");
	return str_copy_len(value, strnlen(value, len));
}

static bool file_shows(const char *path, const char *env, const char *role)
{
	cleanup_free char *text = NULL;

	if (file_read(path, &text, NULL))
		return false;
	for (const char *at = strstr(text, variable); at; at = strstr(at + 1, variable)) {
		cleanup_free char *value = value_at(text, at);
		cleanup_free char *expanded = value ? dotenv_expand(env, value) : NULL;

		if (str_equal(expanded, role))
			return true;
	}
	return false;
}

/* The file that shows @role as a superuser, without the directory; the caller's to free. */
static char *project_shows(const char *dir, const char *role)
{
	cleanup_free char *env_path = str_print("%s/.env", dir), *env = NULL, *found = NULL;

	if (file_read(env_path, &env, NULL))
		env = str_copy("");
	for (size_t i = 0; i < ARRAY_LEN(patterns) && !found; i++) {
		cleanup_free char *pattern = str_print("%s/%s", dir, patterns[i]);
		glob_t files;

		if (!glob(pattern, GLOB_BRACE, NULL, &files))
			for (size_t j = 0; j < files.gl_pathc && !found; j++)
				if (file_shows(files.gl_pathv[j], env, role))
					found = str_copy(files.gl_pathv[j] + strlen(dir) + 1);
		globfree(&files);
	}
	return steal(&found);
}

bool role_is_superuser(const struct run_options *options, const struct run_database *database,
                       char **ret_role, char **ret_why)
{
	const char *dir = options->project_dir ? options->project_dir : ".";
	cleanup_free char *usual = db_url_default(dir), *file = NULL;
	struct db_url url;
	bool superuser;

	if (database->kind != DB_KIND_POSTGRES || !(database->url || database->name) ||
	    db_url_parse(database->url ? database->url : database->name, usual, &url))
		return false;
	file = options->role == DB_ROLE_AUTO && strcmp(url.role, "postgres")
	               ? project_shows(dir, url.role)
	               : NULL;
	superuser = options->role == DB_ROLE_SUPERUSER || file || !strcmp(url.role, "postgres");
	*ret_why = !strcmp(url.role, "postgres") ? str_copy("it has made the server")
	           : options->role               ? str_copy("as `role` says")
	           : file                        ? str_print("%s in %s", variable, file)
	                                         : str_copy("no file of the project shows more");
	*ret_role = steal(&url.role);
	db_url_free(&url);
	return superuser;
}

struct db_entry *database_entries(const struct run_options *options, bool private,
                                  unsigned int *ret_count)
{
	struct db_entry *list = mem_alloc(options->database_count * sizeof(*list));
	unsigned int count = 0;

	for (unsigned int i = 0; i < options->database_count; i++) {
		const struct run_database *database = &options->database_list[i];
		cleanup_free char *role = NULL, *why = NULL;

		if (database->mode == DB_OFF || (private && database->kind == DB_KIND_POSTGRES))
			continue;
		list[count++] = (struct db_entry){
			.kind = database->kind,
			.port = (uint16_t)database->port,
			.text = database->url ? database->url : database->name,
			.superuser = role_is_superuser(options, database, &role, &why),
			.settings = database->settings,
			.start = database->start,
			.ready = database->ready,
			.stop = database->stop
		};
	}
	*ret_count = count;
	return list;
}
