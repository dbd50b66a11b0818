/* SPDX-License-Identifier: MIT */
/*
 * The scripts of a package.json that run tests or prepare a database. Only scripts that are there,
 * and that end, are proposed. One of a workspace below the root gets the option for its directory.
 */
#include "tools/cli/init/look.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

/* The best first; their ranks lie before those of scan.c. */
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
	{ "db:push", SCAN_SETUP },
	{ "migrate", SCAN_SETUP },
	{ "prisma:migrate", SCAN_SETUP },
	{ "db:seed", SCAN_SETUP },
	{ "seed", SCAN_SETUP },
};

/* The lock file shows which package manager runs the scripts. @below: with a directory */
static const struct runner {
	const char *lock, *run, *below;
} runners[] = {
	{ "pnpm-lock.yaml", "pnpm", "pnpm -C %.*s" },
	{ "yarn.lock", "yarn", "yarn --cwd %.*s" },
	{ "bun.lockb", "bun run", "bun run --cwd %.*s" },
	{ "bun.lock", "bun run", "bun run --cwd %.*s" },
	{ NULL, "npm run", "npm --prefix %.*s run" },
};

static const struct runner *find_runner(const char *dir)
{
	const struct runner *runner = runners;

	for (; runner->lock; runner++) {
		cleanup_free char *path = str_print("%s/%s", dir, runner->lock);

		if (!access(path, F_OK))
			break;
	}
	return runner;
}

/* True for what waits for changes or for a person. */
static bool never_ends(const char *body)
{
	static const char *const parts[] = { "no test specified", "--watch", "--ui",
		                             "cypress open",      "nodemon", "ng test",
		                             "react-scripts test" };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strstr(body, parts[i]))
			return !strstr(body, "--watch=false") && !strstr(body, "--watchAll=false");
	return false;
}

static unsigned int line_of(const char *text, const char *name)
{
	cleanup_free char *key = str_print("\"%s\"", name);
	const char *scripts_at = strstr(text, "\"scripts\""), *at = NULL;
	unsigned int line = 1;

	at = scripts_at ? strstr(scripts_at, key) : NULL;
	for (; at && text < at; text++)
		line += *text == '\n';
	return line;
}

static char *command_of(const struct runner *runner, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	cleanup_free char *words = NULL;

	if (!slash)
		return str_print("%s %s", runner->run, name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	words = str_print(runner->below, (int)(slash - file), file);
#pragma GCC diagnostic pop
	return str_print("%s %s", words, name);
}

void look_scripts(struct scan *scan, const char *dir, const char *text, struct place place)
{
	json_t *root = json_loads(text, 0, NULL), *list = json_object_get(root, "scripts");
	const struct runner *runner = find_runner(dir);

	for (unsigned int i = 0; i < ARRAY_LEN(scripts); i++) {
		const char *body = json_string_value(json_object_get(list, scripts[i].name));
		cleanup_free char *command = NULL;

		if (!body || never_ends(body))
			continue;
		command = command_of(runner, place.file, scripts[i].name);
		place.line = line_of(text, scripts[i].name);
		scan_add(scan, scripts[i].kind, command, place)->rank =
			i + (strchr(place.file, '/') ? WORKSPACE_RANK : 0);
	}
	json_decref(root);
}
