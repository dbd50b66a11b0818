/* SPDX-License-Identifier: MIT */
/*
 * A cheap search of the project: it knows files by their names, and what to look for in each.
 * It executes nothing. A wrong guess costs the user one line to delete, so each finding names its
 * place.
 *
 * It does not enter directories of dependencies or build products. It skips files above FILE_MOST
 * and comment lines. It never keeps a password.
 */
#include "tools/cli/init/look.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/db/common/dotenv.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

enum { DEPTH_MOST = 2, FILES_MOST = 2000, FILE_MOST = 256 << 10 };

/* What to look for in a file. */
enum {
	/* port: 3101, PORT=3101, localhost:3101, --port 3101, listen(3101 */
	LOOK_PORTS = 1 << 0,
	LOOK_URLS = 1 << 1,       /* postgresql://..., redis://... */
	LOOK_COMPOSE = 1 << 2,    /* published ports, POSTGRES_DB */
	LOOK_PLAYWRIGHT = 1 << 3, /* names of projects */
	LOOK_SETTINGS = 1 << 4,   /* database: shop_test */
	LOOK_SCRIPTS = 1 << 5,    /* "test": "..." of package.json */
	/* postgresql://role@host/name; a shorter URL in a program may mean anything */
	LOOK_LOGINS = 1 << 6,
	LOOK_ENGINES = 1 << 7, /* as LOOK_SETTINGS, but only beside the name of an engine */
	LOOK_ENV = 1 << 8,     /* the lines expand ${NAME} */
};

struct known_file {
	const char *name; /* fnmatch(3) pattern of the file's name */
	unsigned int look;
	const char *command; /* the test command, if the file lies at the top of the project */
	unsigned int rank;
};

static const struct known_file known_files[] = {
#define KNOWN_FILE(...) { __VA_ARGS__ },
#include "tools/cli/init/known_files.def"
};

static bool comment(const char *line)
{
	line += strspn(line, " \t");
	return *line == '#' || str_starts(line, "//") || *line == ';';
}

/* Spring gives the role of a URL in a line of its own. Return: NULL if it is not there. */
static char *role_in(const char *text)
{
	static const char key[] = "datasource.username";
	const char *at = strstr(text, key);

	at = at ? at + strlen(key) + strspn(at + strlen(key), " \t=:\"'") : NULL;
	return at && *at != '$' ? str_copy_len(at, strcspn(at, " \t\r\n\"'")) : NULL;
}

/* @text: changed; @whole: the same, not changed */
static void look_lines(struct scan *scan, unsigned int look, char *text, const char *whole,
                       struct place place)
{
	for (char *line = text, *next; line; line = next) {
		cleanup_free char *expanded = NULL;

		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		place.line++;
		place.of_server |= look & LOOK_PLAYWRIGHT && strstr(line, "webServer");
		if (comment(line))
			continue;
		if (look & LOOK_ENV)
			expanded = dotenv_expand(whole, line);
		if (look & LOOK_PORTS)
			look_ports(scan, expanded ? expanded : line, place);
		if ((look & (LOOK_URLS | LOOK_LOGINS)) && strstr(line, "://"))
			look_urls(scan, expanded ? expanded : line, !(look & LOOK_URLS), place);
	}
}

/* The text of the .env file in the directory of @path; "" if there is none. */
static char *env_beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *env = str_print("%.*s/.env", (int)(slash - path), path);
	char *text = NULL;

	return file_read(env, &text, NULL) ? str_copy("") : text;
}

static void look_whole(struct scan *scan, const char *dir, unsigned int look, const char *text,
                       struct place place)
{
	if (look & LOOK_COMPOSE) {
		cleanup_free char *path = str_print("%s/%s", dir, place.file),
				  *env = env_beside(path);

		look_compose(scan, text, env, place);
	}
	if (look & LOOK_PLAYWRIGHT)
		look_projects(scan, text, place);
	if (look & (LOOK_SETTINGS | LOOK_ENGINES))
		look_settings(scan, text, look & LOOK_ENGINES, place);
	if (look & LOOK_SCRIPTS)
		look_scripts(scan, dir, text, place);
}

/* The command of a tool whose configuration is @shown, from the top of the project. */
static void add_command(struct scan *scan, const char *shown, const struct known_file *known)
{
	const char *slash = strrchr(shown, '/');
	cleanup_free char *below = NULL;

	if (slash)
		below = str_print("cd %.*s && %s", (int)(slash - shown), shown, known->command);
	if (!slash || str_starts(known->command, "npx "))
		scan_add(scan, SCAN_COMMAND, slash ? below : known->command,
		         (struct place){ .file = shown })
			->rank = known->rank + (slash ? WORKSPACE_RANK : 0);
}

static void look_file(struct scan *scan, const char *dir, const char *shown,
                      const struct known_file *known)
{
	cleanup_free char *path = str_print("%s/%s", dir, shown), *text = NULL, *lines = NULL,
			  *role = NULL;
	struct place place = { .file = shown };
	struct stat info;

	if (known->command)
		add_command(scan, shown, known);
	if (!known->look || stat(path, &info) || !S_ISREG(info.st_mode) ||
	    info.st_size > FILE_MOST || file_read(path, &text, NULL))
		return;
	scan->files++;
	look_whole(scan, dir, known->look, text, place);
	lines = str_copy(text);
	role = role_in(text);
	place.user = role;
	look_lines(scan, known->look, lines, text, place);
}

static bool passed_over(const char *name)
{
	static const char *const names[] = {
		"node_modules",      "vendor",  "dist", "build", "target", "venv", "test-results",
		"playwright-report", "coverage"
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return name[0] == '.';
}

static const struct known_file *known(const char *name)
{
	if (str_starts(name, ".env.") && (str_ends(name, ".example") || str_ends(name, ".sample")))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(known_files); i++)
		if (!fnmatch(known_files[i].name, name, 0))
			return &known_files[i];
	return NULL;
}

/* Do not follow symbolic links. Some file systems do not report the type in d_type. */
static bool is_directory(const char *dir, const struct dirent *entry)
{
	cleanup_free char *path = NULL;
	struct stat info;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	path = str_print("%s/%s", dir, entry->d_name);
	return !lstat(path, &info) && S_ISDIR(info.st_mode);
}

/* Directories that hold no more than one other: src/test/resources, packages/x. */
static bool is_layer(const char *name)
{
	static const char *const names[] = { "src", "test", "main", "packages", "apps" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void look_dir(struct scan *scan, const char *dir, const char *below, unsigned int depth)
{
	cleanup_free char *path = *below ? str_print("%s/%s", dir, below) : str_copy(dir);
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		cleanup_free char *shown = *below ? str_print("%s/%s", below, name)
		                                  : str_copy(name);
		bool is_dir = is_directory(path, entries[i]);
		const struct known_file *file = is_dir ? NULL : known(name);

		if (file && scan->files < FILES_MOST)
			look_file(scan, dir, shown, file);
		else if (is_dir && depth < DEPTH_MOST && !passed_over(name))
			look_dir(scan, dir, shown, depth + !is_layer(name));
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static int by_kind(const void *a, const void *b)
{
	const struct scan_finding *left = a, *right = b;

	if (left->kind != right->kind)
		return (int)left->kind - (int)right->kind;
	if (left->kind == SCAN_PORT || left->kind == SCAN_PUBLISHED)
		return atoi(left->text) - atoi(right->text);
	return (int)left->rank - (int)right->rank;
}

void scan_project(struct scan *scan, const char *dir)
{
	look_dir(scan, dir, "", 0);
	if (scan->count)
		qsort(scan->findings, scan->count, sizeof(*scan->findings), by_kind);
}

void scan_free(struct scan *scan)
{
	for (size_t i = 0; i < scan->count; i++) {
		free(scan->findings[i].text);
		free(scan->findings[i].places);
		free(scan->findings[i].url);
	}
	free(scan->findings);
	*scan = (struct scan){ 0 };
}
