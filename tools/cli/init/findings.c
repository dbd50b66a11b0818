/* SPDX-License-Identifier: MIT */
/* The list of what `berth init` found. */
#include "tools/cli/init/look.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

static struct scan_finding *find(struct scan *scan, enum scan_kind kind, const char *text)
{
	for (size_t i = 0; i < scan->count; i++)
		if (scan->findings[i].kind == kind && !strcmp(scan->findings[i].text, text))
			return &scan->findings[i];
	return NULL;
}

/* Keep three places at most. */
struct scan_finding *scan_add(struct scan *scan, enum scan_kind kind, const char *text,
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

struct scan_finding *scan_add_port(struct scan *scan, enum scan_kind kind, const char *digits,
                                   size_t len, struct place place)
{
	cleanup_free char *text = str_copy_len(digits, len);
	long port;

	return str_number(text, 80, 65535, &port) ? NULL : scan_add(scan, kind, text, place);
}

static const struct scheme {
	const char *name, *kind;
	unsigned int port;
} schemes[] = {
	{ "postgresql", "postgres", 5432 }, { "postgres", "postgres", 5432 },
	{ "mysql", "mariadb", 3306 },       { "mysql2", "mariadb", 3306 },
	{ "mariadb", "mariadb", 3306 },     { "redis", "redis", 6379 },
};

static const struct scheme *scheme_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (!strcasecmp(schemes[i].name, name))
			return &schemes[i];
	return NULL;
}

void scan_add_database(struct scan *scan, const struct look_database *database, struct place place)
{
	const struct scheme *scheme = scheme_find(database->scheme);
	const char *name = database->name && *database->name ? database->name : NULL;
	const char *user = database->user ? database->user : "";
	long port = scheme ? scheme->port : 0;
	struct scan_finding *finding;
	cleanup_free char *key = NULL;

	if (!scheme)
		return;
	(void)str_number(database->port, 1, 65535, &port);
	key = str_print("%s:%ld:%s", scheme->kind, port, name ? name : "");
	finding = scan_add(scan, SCAN_DATABASE, key, place);
	finding->database = scheme->kind;
	finding->port = (unsigned int)port;
	finding->in_env |= database->in_env;
	if (!finding->url && name)
		finding->url = str_print("%s://%s%slocalhost:%ld/%s", scheme->name, user,
		                         *user ? "@" : "", port, name);
}
