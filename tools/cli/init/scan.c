/* SPDX-License-Identifier: MIT */
/*
 * A cheap search of the project: it knows files by their names, and matches regular expressions
 * line by line. It executes nothing. A wrong guess costs the user one line to delete, so each
 * finding names its place.
 *
 * It does not enter directories of dependencies or build products. It skips files above FILE_MOST
 * and comment lines. It never keeps a password.
 */
#include "tools/cli/init/scan.h"

#include <dirent.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

enum { DEPTH_MOST = 2, FILES_MOST = 2000, FILE_MOST = 256 << 10 };

/* What to look for in a file. */
enum {
	/* port: 3101, PORT=3101, localhost:3101, --port 3101, listen(3101 */
	LOOK_PORTS = 1 << 0,
	LOOK_URLS = 1 << 1,       /* postgresql://..., redis://... */
	LOOK_COMPOSE = 1 << 2,    /* - "8080:80" */
	LOOK_PLAYWRIGHT = 1 << 3, /* names of projects */
	LOOK_RAILS = 1 << 4,      /* database: shop_test */
	LOOK_SCRIPTS = 1 << 5,    /* "test": "..." of package.json */
	/* postgresql://role@host/name; a shorter URL in a program may mean anything */
	LOOK_LOGINS = 1 << 6,
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

/*
 * Scripts of package.json that run tests or prepare a database; the best first, before known files.
 */
static const struct {
	const char *name;
	enum scan_kind kind;
} scripts[] = {
	{ "test:e2e", SCAN_COMMAND },
	{ "e2e", SCAN_COMMAND },
	{ "test:integration", SCAN_COMMAND },
	{ "test", SCAN_COMMAND },
	{ "db:setup", SCAN_SETUP },
	{ "db:migrate", SCAN_SETUP },
	{ "db:reset", SCAN_SETUP },
	{ "migrate", SCAN_SETUP },
	{ "seed", SCAN_SETUP },
};

struct place {
	const char *file;
	unsigned int line;
};

static struct scan_finding *find(struct scan *scan, enum scan_kind kind, const char *text)
{
	for (size_t i = 0; i < scan->count; i++)
		if (scan->findings[i].kind == kind && !strcmp(scan->findings[i].text, text))
			return &scan->findings[i];
	return NULL;
}

/* Add a finding, or a place to an existing one. Keep three places at most. */
static struct scan_finding *add(struct scan *scan, enum scan_kind kind, const char *text,
                                struct place place)
{
	struct scan_finding *finding = find(scan, kind, text);
	cleanup_free char *where = NULL;
	unsigned int commas = 0;

	where = place.line ? str_print("%s:%u", place.file, place.line) : str_copy(place.file);
	if (!finding) {
		scan->findings = mem_grow(scan->findings, scan->count + 1, sizeof(*scan->findings));
		finding = &scan->findings[scan->count++];
		*finding = (struct scan_finding){ .kind = kind,
			                          .text = str_copy(text),
			                          .places = steal(&where) };
		return finding;
	}
	for (const char *at = finding->places; *at; at++)
		commas += *at == ',';
	if (commas < 2 && !strstr(finding->places, where)) {
		char *more = str_print("%s, %s", finding->places, where);

		free(finding->places);
		finding->places = more;
	}
	return finding;
}

static void add_port(struct scan *scan, enum scan_kind kind, const char *digits, size_t len,
                     struct place place)
{
	cleanup_free char *text = str_copy_len(digits, len);
	long port;

	if (!str_number(text, 80, 65535, &port))
		add(scan, kind, text, place);
}

/* Take group @group of every match of @regex in @line as a port. */
static void match_ports(struct scan *scan, regex_t *regex, size_t group, const char *line,
                        struct place place)
{
	regmatch_t found[6];

	while (!regexec(regex, line, ARRAY_LEN(found), found, 0)) {
		add_port(scan, SCAN_PORT, line + found[group].rm_so,
		         (size_t)(found[group].rm_eo - found[group].rm_so), place);
		line += found[0].rm_eo;
	}
}

/* Regular expressions, compiled at first use and kept until exit. */
static regex_t *regex(regex_t *at, bool *made, const char *pattern)
{
	if (!*made && regcomp(at, pattern, REG_EXTENDED))
		return NULL;
	*made = true;
	return at;
}

static void look_ports(struct scan *scan, const char *line, struct place place)
{
	static const struct {
		const char *pattern;
		size_t group;
	} rows[] = {
		{ "(localhost|127\\.0\\.0\\.1|0\\.0\\.0\\.0|\\[::1?\\]):([0-9]{2,5})", 2 },
		{ "(--port[= ]|[[:space:]]-p[= ]?)([0-9]{2,5})", 2 },
		{ "([A-Za-z_]*(PORT|[pP]ort)[A-Za-z_]*)[\"']?[[:space:]]*[=:][[:space:]]*[\"']?([0-"
		  "9]{2,5})(["
		  "^0-9]|$)",
		  3 },
		{ "(listen|Listen|ListenAndServe)\\(\"?:?([0-9]{2,5})", 2 },
		{ "(\\|\\||\\?\\?)[[:space:]]*[\"']?([0-9]{4,5})[\"']?",
		  2 }, /* process.env.PORT || 3101 */
	};
	static regex_t made[ARRAY_LEN(rows)];
	static bool done[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		regex_t *compiled = regex(&made[i], &done[i], rows[i].pattern);

		if (compiled && (i < 4 || strstr(line, "PORT") || strstr(line, "port")))
			match_ports(scan, compiled, rows[i].group, line, place);
	}
}

struct scheme {
	const char *name, *kind;
	unsigned int port;
};

static const struct scheme schemes[] = {
	{ "postgresql", "postgres", 5432 }, { "postgres", "postgres", 5432 },
	{ "mysql", "mariadb", 3306 },       { "mysql2", "mariadb", 3306 },
	{ "mariadb", "mariadb", 3306 },     { "redis", "redis", 6379 },
};

static const struct scheme *scheme_find(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strlen(schemes[i].name) == len && !strncasecmp(text, schemes[i].name, len))
			return &schemes[i];
	return NULL;
}

static char *group_text(const char *line, regmatch_t match)
{
	return match.rm_so < 0
	               ? NULL
	               : str_copy_len(line + match.rm_so, (size_t)(match.rm_eo - match.rm_so));
}

static void add_database(struct scan *scan, const struct scheme *scheme, const char *user,
                         const char *port_text, const char *name, bool in_env, struct place place)
{
	long port = scheme->port;
	cleanup_free char *key = NULL;
	struct scan_finding *finding;

	(void)str_number(port_text, 1, 65535, &port);
	key = str_print("%s:%ld:%s", scheme->kind, port, name ? name : "");
	finding = add(scan, SCAN_DATABASE, key, place);
	finding->database = scheme->kind;
	finding->port = (unsigned int)port;
	finding->in_env |= in_env;
	if (!finding->url && name)
		finding->url = str_print("%s://%s%slocalhost:%ld/%s", scheme->name,
		                         user ? user : "", user ? "@" : "", port, name);
}

/* Only servers on this machine: Berth does not rename databases of remote ones. */
static void look_urls(struct scan *scan, const char *line, bool logins_only, struct place place)
{
	static const char pattern[] =
		"(jdbc:)?([a-z0-9]+)(\\+[a-z0-9]+)?://(([^:@/[:space:]]+)(:[^@/[:space:]]*)?@)?"
		"(localhost|127\\.0\\.0\\.1|\\[::1\\])(:([0-9]+))?(/([A-Za-z0-9_-]+))?";
	static regex_t made;
	static bool done;
	regmatch_t found[12];
	regex_t *compiled = regex(&made, &done, pattern);

	while (compiled && !regexec(compiled, line, ARRAY_LEN(found), found, 0)) {
		const struct scheme *scheme = scheme_find(
			line + found[2].rm_so, (size_t)(found[2].rm_eo - found[2].rm_so));
		cleanup_free char *user = group_text(line, found[5]),
				  *port = group_text(line, found[9]);
		cleanup_free char *name = group_text(line, found[11]);

		if (scheme && (!logins_only || (user && name && strcmp(name, "postgres") != 0)))
			add_database(scan, scheme, user, port, name,
			             !strcmp(place.file, ".env") &&
			                     str_starts(line, "DATABASE_URL="),
			             place);
		line += found[0].rm_eo;
	}
}

static void look_compose(struct scan *scan, const char *line, struct place place)
{
	static const char pattern[] =
		"^[[:space:]]*-[[:space:]]*[\"']?([0-9.]+:)?([0-9]{2,5}):[0-9]{2,5}(/"
		"[a-z]+)?[\"']?[[:space:]]*$";
	static regex_t made;
	static bool done;
	regmatch_t found[4];
	regex_t *compiled = regex(&made, &done, pattern);

	if (compiled && !regexec(compiled, line, ARRAY_LEN(found), found, 0))
		add_port(scan, SCAN_PUBLISHED, line + found[2].rm_so,
		         (size_t)(found[2].rm_eo - found[2].rm_so), place);
}

static void look_playwright(struct scan *scan, const char *line, struct place place)
{
	static regex_t made;
	static bool done;
	regmatch_t found[2];
	regex_t *compiled = regex(&made, &done,
	                          "[{,[:space:]]name:[[:space:]]*[\"'`]([A-Za-z0-9 _.-]+)[\"'`]");
	cleanup_free char *name = NULL;

	if (!compiled || regexec(compiled, line, ARRAY_LEN(found), found, 0))
		return;
	name = group_text(line, found[1]);
	add(scan, SCAN_TASK, name, place);
}

/* config/database.yml; names with a template (<%= ... %>) do not match. */
static void look_rails(struct scan *scan, const char *line, struct place place)
{
	static regex_t made;
	static bool done;
	regmatch_t found[2];
	regex_t *compiled = regex(
		&made, &done,
		"^[[:space:]]*database:[[:space:]]*[\"']?([A-Za-z0-9_]*test[A-Za-z0-9_]*)["
		"\"']?[[:space:]]*$");
	cleanup_free char *name = NULL;

	if (!compiled || regexec(compiled, line, ARRAY_LEN(found), found, 0))
		return;
	name = group_text(line, found[1]);
	add_database(scan, &schemes[0], NULL, NULL, name, false, place);
}

/* The lock file shows which package manager runs the scripts. */
static const char *script_runner(const char *dir)
{
	static const struct {
		const char *lock, *runner;
	} rows[] = { { "pnpm-lock.yaml", "pnpm" },
		     { "yarn.lock", "yarn" },
		     { "bun.lockb", "bun run" },
		     { "bun.lock", "bun run" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_free char *path = str_print("%s/%s", dir, rows[i].lock);

		if (!access(path, F_OK))
			return rows[i].runner;
	}
	return "npm run";
}

static void look_scripts(struct scan *scan, const char *dir, const char *line, struct place place)
{
	for (unsigned int i = 0; i < ARRAY_LEN(scripts); i++) {
		cleanup_free char *key = str_print("\"%s\":", scripts[i].name), *command = NULL;

		if (!strstr(line, key) || strstr(line, "no test specified"))
			continue;
		command = str_print("%s %s", script_runner(dir), scripts[i].name);
		add(scan, scripts[i].kind, command, place)->rank = i;
		return;
	}
}

static bool comment(const char *line)
{
	line += strspn(line, " \t");
	return *line == '#' || str_starts(line, "//") || *line == ';';
}

/* Track the part of playwright.config: only the names of projects are tasks. */
static unsigned int follow_playwright(unsigned int look, unsigned int now, const char *line)
{
	if (!(look & LOOK_PLAYWRIGHT))
		return now;
	if (strstr(line, "webServer"))
		return now & ~(unsigned int)LOOK_PLAYWRIGHT;
	return strstr(line, "projects") ? now | LOOK_PLAYWRIGHT : now;
}

static void look_line(struct scan *scan, const char *dir, unsigned int look, const char *line,
                      struct place place)
{
	if (look & LOOK_PORTS)
		look_ports(scan, line, place);
	if ((look & (LOOK_URLS | LOOK_LOGINS)) && strstr(line, "://"))
		look_urls(scan, line, !(look & LOOK_URLS), place);
	if (look & LOOK_COMPOSE)
		look_compose(scan, line, place);
	if (look & LOOK_PLAYWRIGHT)
		look_playwright(scan, line, place);
	if (look & LOOK_RAILS)
		look_rails(scan, line, place);
	if (look & LOOK_SCRIPTS)
		look_scripts(scan, dir, line, place);
}

static void look_file(struct scan *scan, const char *dir, const char *shown,
                      const struct known_file *known)
{
	cleanup_free char *path = str_print("%s/%s", dir, shown), *text = NULL;
	unsigned int look = known->look & ~(unsigned int)LOOK_PLAYWRIGHT;
	struct place place = { shown, 0 };
	struct stat info;

	if (known->command && !strchr(shown, '/'))
		add(scan, SCAN_COMMAND, known->command, place)->rank = known->rank;
	if (!known->look || stat(path, &info) || !S_ISREG(info.st_mode) ||
	    info.st_size > FILE_MOST || file_read(path, &text, NULL))
		return;
	scan->files++;
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		place.line++;
		look = follow_playwright(known->look, look, line);
		if (!comment(line))
			look_line(scan, dir, look, line, place);
	}
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
			look_dir(scan, dir, shown, depth + 1);
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
