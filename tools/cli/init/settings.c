/* SPDX-License-Identifier: MIT */
/*
 * Databases in the settings of frameworks, which give host, port, role and name apart: Rails'
 * database.yml, Phoenix' test.exs, Django's settings.py, knexfile.js, ormconfig, Sequelize's
 * config.json. Keys are collected line by line; a key that comes again begins another database.
 */
#include "tools/cli/init/look.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

enum key { KEY_NAME, KEY_USER, KEY_HOST, KEY_PORT, KEY_ENGINE, KEYS };

static const struct {
	const char *text;
	enum key key;
} keys[] = {
	{ "database", KEY_NAME }, { "NAME", KEY_NAME },      { "user", KEY_USER },
	{ "USER", KEY_USER },     { "username", KEY_USER },  { "host", KEY_HOST },
	{ "HOST", KEY_HOST },     { "hostname", KEY_HOST },  { "port", KEY_PORT },
	{ "PORT", KEY_PORT },     { "ENGINE", KEY_ENGINE },  { "adapter", KEY_ENGINE },
	{ "client", KEY_ENGINE }, { "dialect", KEY_ENGINE }, { "type", KEY_ENGINE },
};

struct settings {
	struct scan *scan;
	struct place place; /* of the name */
	bool needs_engine;
	bool test_only; /* the file names a database for tests, so others are not for them */
	bool done;
	char *values[KEYS]; /* NULL = not given */
};

static bool has_text(const char *value, const char *part)
{
	return value && strcasestr(value, part);
}

/* A value that a program computes is none that we know. */
static bool is_literal(const char *value)
{
	return value && *value &&
	       strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                     "0123456789_-") == strlen(value);
}

/* A host that is computed may be this machine. */
static bool is_elsewhere(const char *host)
{
	return host && !strpbrk(host, "(<[{$") && strcmp(host, "localhost") &&
	       !str_starts(host, "127.") && strcmp(host, "::1");
}

static void end_block(struct settings *settings)
{
	char **values = settings->values;
	const char *engine = values[KEY_ENGINE];
	const struct look_database database = {
		.scheme = has_text(engine, "mysql") || has_text(engine, "mariadb") ? "mysql"
		                                                                   : "postgresql",
		.name = values[KEY_NAME],
		.user = is_literal(values[KEY_USER]) ? values[KEY_USER] : NULL,
		.port = values[KEY_PORT],
	};
	bool known = has_text(engine, "pg") || has_text(engine, "postg") ||
	             !strcmp(database.scheme, "mysql") || (!engine && !settings->needs_engine);

	if (known && is_literal(database.name) && !is_elsewhere(values[KEY_HOST]) &&
	    !settings->done && (!settings->test_only || has_text(database.name, "test"))) {
		scan_add_database(settings->scan, &database, settings->place);
		settings->done = true;
	}
	for (size_t i = 0; i < KEYS; i++) {
		free(values[i]);
		values[i] = NULL;
	}
}

static void take(struct settings *settings, const char *key, char *value, unsigned int line)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char **slot = &settings->values[keys[i].key];

		if (strcmp(keys[i].text, key))
			continue;
		if (*slot)
			end_block(settings);
		*slot = str_copy(value);
		if (keys[i].key == KEY_NAME)
			settings->place.line = line;
	}
}

static void look_line(struct settings *settings, const char *line, unsigned int number)
{
	/* key: value, key => value, 'key' = value; a quote, comma or comment ends the value */
	static const char pattern[] = "(^|[^A-Za-z_])([A-Za-z]+)[\"']?[[:space:]]*(:|=>|=)"
				      "[[:space:]]*[\"']?([^\"',}#[:space:]]+)";
	static regex_t regex;
	static bool compiled;
	regmatch_t found[5];

	if (!compiled && regcomp(&regex, pattern, REG_EXTENDED))
		return;
	compiled = true;
	while (!regexec(&regex, line, ARRAY_LEN(found), found, 0)) {
		cleanup_free char *key = str_copy_len(line + found[2].rm_so,
		                                      (size_t)(found[2].rm_eo - found[2].rm_so)),
				  *value = str_copy_len(line + found[4].rm_so,
		                                        (size_t)(found[4].rm_eo - found[4].rm_so));

		take(settings, key, value, number);
		line += strchr("{[(", *value) ? found[4].rm_so : found[4].rm_eo;
	}
}

void look_settings(struct scan *scan, const char *text, bool needs_engine, struct place place)
{
	struct settings settings = { .scan = scan, .place = place, .needs_engine = needs_engine };
	cleanup_free char *copy = str_copy(text);
	unsigned int number = 0;

	settings.test_only = !needs_engine || strstr(text, "_test") || strstr(text, "test_");
	for (char *line = copy, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		number++;
		if (!strchr("#/;", line[strspn(line, " \t")]))
			look_line(&settings, line, number);
	}
	end_block(&settings);
}
