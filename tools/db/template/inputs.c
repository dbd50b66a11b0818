/* SPDX-License-Identifier: MIT */
/*
 * A key with too many files makes a setup run once too often; a key that misses one gives the suite
 * an old schema. So what may be an input is one. Names are relative to the project, so that its
 * checkouts on all machines have the same key.
 */
#include "tools/db/template/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <fts.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/json.h"
#include "tools/base/str.h"
#include "tools/db/common/digest.h"

enum { FILES_MAX = 10000, VISITS_MAX = 200000, SCRIPT_MAX = 64 << 10, NESTED_MAX = 4 };

#define SHELL_SEPARATORS " \t\r\n\"'`;&|<>()"

/*
 * A file is an input if its name or that of a directory above it matches a pattern. The first row
 * holds for every command, the others if it has one of the words.
 */
static const struct {
	const char *words, *patterns;
} places[] = {
	{ NULL, "*migrat* *schema* *seed* *prisma* *drizzle* *alembic* *liquibase* *flyway* "
	        "changelog db database databases sql models models.py entity entities supabase "
	        "*.sql *.dbml *.prisma knexfile.* ormconfig.* diesel.toml sqitch.plan" },
	{ "npm npx pnpm pnpx yarn bun bunx node tsx ts-node deno",
	  "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb "
	  "deno.lock" },
	{ "python python3 manage.py ./manage.py django-admin alembic flask poetry pipenv uv pdm",
	  "manage.py alembic.ini poetry.lock Pipfile.lock uv.lock pdm.lock requirements*.txt" },
	{ "loaddata fixtures load", "fixtures" },
	{ "ruby rake rails bundle bin/rails bin/rake bin/setup", "Rakefile *.rake Gemfile.lock" },
	{ "php composer artisan bin/console", "composer.lock" },
	{ "make gmake just task", "Makefile GNUmakefile makefile *.mk justfile Taskfile.y*ml" },
	{ "go migrate goose atlas", "go.sum atlas.hcl" },
	{ "cargo diesel sqlx sea-orm-cli", "Cargo.lock" },
	{ "mix", "mix.lock" },
	{ "mvn mvnw gradle gradlew", "pom.xml build.gradle build.gradle.kts gradle.lockfile" },
	{ "dotnet", "packages.lock.json *.csproj" },
};

/* What a package manager or a build leaves; no one migrates from there. */
static const char *const pruned[] = { "node_modules", "vendor", "target",       "dist",
	                              "build",        "venv",   "coverage",     "__pycache__",
	                              "test-results", "deps",   "site-packages" };

struct inputs {
	const struct inputs_search *search;
	char *project;   /* absolute, without links */
	char **names;    /* found until now, strv */
	char **patterns; /* strv */
	char **words;    /* of the setup command, strv */
	unsigned int count, nested;
	enum { A_COMMAND, A_SCRIPT, A_PLACE } text; /* that is read: a file of the last two */
	bool too_many;
};

static void read_command(struct inputs *inputs, const char *text, const char *dir);

/* --- one file --- */

/* In pieces: a dump may be larger than what file_read() takes. */
static void digest_file(struct digest *digest, const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	cleanup_free char *part = mem_alloc(SCRIPT_MAX);
	ssize_t got;

	while (fd >= 0 && (got = read(fd, part, SCRIPT_MAX)) > 0)
		digest_data(digest, part, (size_t)got);
}

static bool is_inside(const struct inputs *inputs, const char *path)
{
	return str_starts(path, inputs->project) && path[strlen(inputs->project)] == '/';
}

static const char *relative(const struct inputs *inputs, const char *path)
{
	return path + (is_inside(inputs, path) ? strlen(inputs->project) + 1 : 0);
}

/* Return: it is new. */
static bool add(struct inputs *inputs, const char *name)
{
	if (strv_has(inputs->names, name))
		return false;
	inputs->too_many |= inputs->count++ == FILES_MAX;
	if (inputs->too_many)
		return false;
	strv_add(&inputs->names, name);
	if (inputs->search->digest)
		digest_text(inputs->search->digest, name);
	return true;
}

/*
 * A script names other files, and so does a file of SQL. One that was found by its @place is hardly
 * a script, so only what it imports counts.
 */
static void add_file(struct inputs *inputs, const char *path, bool place)
{
	__typeof__(inputs->text) before = inputs->text;
	cleanup_free char *text = NULL, *dir = str_copy(path);
	struct stat info;
	size_t len;

	if (!add(inputs, relative(inputs, path)))
		return;
	if (inputs->search->digest)
		digest_file(inputs->search->digest, path);
	if (stat(path, &info) || !S_ISREG(info.st_mode) || info.st_size > SCRIPT_MAX ||
	    file_read(path, &text, &len) || strlen(text) != len)
		return;
	*strrchr(dir, '/') = '\0';
	inputs->text = place ? A_PLACE : A_SCRIPT;
	read_command(inputs, text, dir);
	inputs->text = before;
}

/* --- scripts of package managers --- */

/* A script of @manifest is a string, or a list of them. */
static void add_script(struct inputs *inputs, const char *manifest, const char *name,
                       const json_t *script)
{
	cleanup_free char *shown = str_print("%s: script %s", relative(inputs, manifest), name);
	cleanup_free char *text = json_is_string(script) ? str_copy(json_string_value(script))
	                                                 : json_dumps(script, 0);
	cleanup_free char *dir = str_copy_len(manifest,
	                                      (size_t)(strrchr(manifest, '/') - manifest));

	if (!text || !add(inputs, shown))
		return;
	if (inputs->search->digest)
		digest_text(inputs->search->digest, text);
	read_command(inputs, text, dir);
}

/* The scripts of @manifest that @words call. */
static void read_manifest(struct inputs *inputs, const char *manifest, char *const *words)
{
	static const char *const before[] = { "", "pre", "post" };
	json_t *root = json_load_file(manifest, 0, NULL);
	const json_t *scripts = json_object_get(root, "scripts");

	for (; scripts && words && *words; words++)
		for (size_t i = 0; i < ARRAY_LEN(before); i++) {
			cleanup_free char *name = str_print("%s%s", before[i], *words);
			const json_t *script = json_object_get(scripts, name);

			if (script)
				add_script(inputs, manifest, name, script);
		}
	json_decref(root);
}

/* --- a directory --- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_pruned(const FTSENT *entry)
{
	cleanup_free char *cluster = NULL;

	if (entry->fts_level == FTS_ROOTLEVEL)
		return false;
	if (*entry->fts_name == '.')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(pruned); i++)
		if (!strcmp(entry->fts_name, pruned[i]))
			return true;
	/* the data directory of a server: a container's volume */
	cluster = str_print("%s/PG_VERSION", entry->fts_path);
	return !access(cluster, F_OK);
}

static bool matches(const struct inputs *inputs, const char *name)
{
	for (char **pattern = inputs->patterns; pattern && *pattern; pattern++)
		if (!fnmatch(*pattern, name, 0))
			return true;
	return false;
}

/* Makefile, Rakefile, bin/setup: what they name counts as for a script that a command names. */
static bool is_script(const char *name)
{
	return !strchr(name, '.') || str_ends(name, ".sh") || str_ends(name, ".mk");
}

/* Add the files below @path: @all, or those that match. Symbolic links may lead in a circle. */
static void add_dir(struct inputs *inputs, const char *path, bool all)
{
	char *paths[] = { (char *)(uintptr_t)path, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	unsigned int visits = 0;
	FTSENT *entry;

	while (tree && !inputs->too_many && (entry = fts_read(tree))) {
		bool is_file = entry->fts_info == FTS_F || entry->fts_info == FTS_SL;

		inputs->too_many |= ++visits == VISITS_MAX;
		/* an entry is an input if its directory is one */
		entry->fts_number = all || entry->fts_parent->fts_number ||
		                    (entry->fts_level && matches(inputs, entry->fts_name));
		if (entry->fts_info == FTS_D && is_pruned(entry))
			fts_set(tree, entry, FTS_SKIP);
		else if (is_file && entry->fts_number)
			add_file(inputs, entry->fts_path, !is_script(entry->fts_name));
		else if (is_file && (!strcmp(entry->fts_name, "package.json") ||
		                     !strcmp(entry->fts_name, "composer.json")))
			read_manifest(inputs, entry->fts_path, inputs->words);
	}
	if (tree)
		fts_close(tree);
}

/* --- what a command names --- */

static bool is_program_of_system(const char *path)
{
	return str_starts(path, "/usr/") || str_starts(path, "/bin/") || str_starts(path, "/etc/");
}

/* Return: @word is a file or a directory of @dir, or an absolute path. */
static bool try_word(struct inputs *inputs, const char *word, const char *dir)
{
	cleanup_free char *path = *word == '/' ? str_copy(word) : str_print("%s/%s", dir, word);
	cleanup_free char *real = realpath(path, NULL);
	bool command = inputs->text == A_COMMAND;
	struct stat info;

	if (!real || stat(real, &info) || is_program_of_system(real) ||
	    (!is_inside(inputs, real) && (*word != '/' || !command || !S_ISREG(info.st_mode))))
		return false;
	if (S_ISREG(info.st_mode))
		add_file(inputs, real, false);
	else if (S_ISDIR(info.st_mode) && command && inputs->search->guess)
		add_dir(inputs, real, true);
	else
		return false;
	return true;
}

/* import './x', require('../x'), require_relative and `tsx scripts/x` leave the end out. */
static void read_word(struct inputs *inputs, const char *word, char *const *dirs)
{
	static const char *const ends[] = { "",    ".ts",       ".js",      ".mjs",
		                            ".rb", "/index.ts", "/index.js" };
	bool imports = str_starts(word, "./") || str_starts(word, "../");

	if (strspn(word, "./") == strlen(word) || (inputs->text == A_PLACE && !imports))
		return;
	for (size_t i = 0; i < (strchr(word, '/') ? ARRAY_LEN(ends) : 1); i++) {
		cleanup_free char *whole = str_print("%s%s", word, ends[i]);

		for (char *const *dir = dirs; *dir; dir++)
			if (try_word(inputs, whole, *dir))
				return;
	}
}

/* Return: after @word comes a directory in which programs run. */
static bool leads_to_dir(const char *word)
{
	static const char *const words[] = { "cd", "-C", "--prefix", "--cwd", "--dir" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static void add_patterns(struct inputs *inputs, char *const *words)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		cleanup_strv char **patterns = strv_split(places[i].patterns, " ");
		cleanup_strv char **tools = strv_split(places[i].words ? places[i].words : "", " ");
		bool used = !places[i].words;

		for (char **tool = tools; tool && *tool && !used; tool++)
			used = strv_has(words, *tool);
		for (char **pattern = patterns; used && *pattern; pattern++)
			if (!strv_has(inputs->patterns, *pattern))
				strv_add(&inputs->patterns, *pattern);
	}
}

/* @text runs in @dir, or is of a file there. */
static void read_command(struct inputs *inputs, const char *text, const char *dir)
{
	cleanup_strv char **words = strv_split(text, SHELL_SEPARATORS "[]{}=,:$");
	/* names of scripts may have a colon */
	cleanup_strv char **scripts = strv_split(text, SHELL_SEPARATORS);
	cleanup_strv char **dirs = strv_of(dir, inputs->project);
	cleanup_free char *manifest = str_print("%s/package.json", dir);

	if (inputs->nested == NESTED_MAX || !words)
		return;
	inputs->nested++;
	for (char **word = words; *word; word++)
		if (word[1] && leads_to_dir(*word))
			strv_own(&dirs, str_print("%s/%s", dir, *++word));
		else
			read_word(inputs, *word, dirs);
	if (inputs->search->guess && inputs->text != A_PLACE) {
		add_patterns(inputs, scripts);
		read_manifest(inputs, manifest, scripts);
	}
	inputs->nested--;
}

/* --- all of them --- */

static void add_globs(struct inputs *inputs)
{
	for (char *const *at = inputs->search->globs; at && *at; at++) {
		cleanup_free char *pattern = str_print("%s/%s", inputs->project, *at);
		glob_t found;

		if (!glob(pattern, GLOB_BRACE, NULL, &found))
			for (size_t i = 0; i < found.gl_pathc; i++)
				add_dir(inputs, found.gl_pathv[i], true);
		globfree(&found);
	}
}

int inputs_find(const struct inputs_search *search, char ***ret_names)
{
	struct inputs inputs = { .search = search, .project = realpath(search->project_dir, NULL) };

	*ret_names = NULL;
	if (!inputs.project)
		return -errno;
	inputs.words = strv_split(search->command, SHELL_SEPARATORS);
	read_command(&inputs, search->command, inputs.project);
	add_globs(&inputs);
	if (search->guess)
		add_dir(&inputs, inputs.project, false);
	strv_free(inputs.words);
	strv_free(inputs.patterns);
	free(inputs.project);
	*ret_names = inputs.names;
	return inputs.too_many ? -E2BIG : 0;
}
