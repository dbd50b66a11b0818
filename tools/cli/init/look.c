/* SPDX-License-Identifier: MIT */
/*
 * What `berth init` finds in a line by regular expressions, whatever the language of the file:
 * ports and URLs of databases.
 */
#include "tools/cli/init/look.h"

#include <regex.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

/* Take group @group of every match of @regex in @line as a port. */
static void match_ports(struct scan *scan, regex_t *regex, size_t group, bool listens,
                        const char *line, struct place place)
{
	regmatch_t found[6];

	while (!regexec(regex, line, ARRAY_LEN(found), found, 0)) {
		struct scan_finding *port = scan_add_port(
			scan, SCAN_PORT, line + found[group].rm_so,
			(size_t)(found[group].rm_eo - found[group].rm_so), place);

		if (port)
			port->listens |= listens;
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

void look_ports(struct scan *scan, const char *line, struct place place)
{
	static const struct {
		const char *pattern;
		size_t group;
		bool listens; /* the suite's own program listens there */
	} rows[] = {
		{ "(localhost|127\\.0\\.0\\.1|0\\.0\\.0\\.0|\\[::1?\\]):([0-9]{2,5})", 2, false },
		{ "(--port[= ]|[[:space:]]-p[= ]?)([0-9]{2,5})", 2, true },
		{ "([A-Za-z_]*(PORT|[pP]ort)[A-Za-z_]*)[\"']?[[:space:]]*[=:][[:space:]]*[\"']?([0-"
		  "9]{2,5})(["
		  "^0-9]|$)",
		  3, false },
		{ "(listen|Listen|ListenAndServe)\\(\"?:?([0-9]{2,5})", 2, true },
		{ "(\\|\\||\\?\\?)[[:space:]]*[\"']?([0-9]{4,5})[\"']?", 2,
		  false }, /* process.env.PORT || 3101 */
	};
	static regex_t made[ARRAY_LEN(rows)];
	static bool done[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		regex_t *compiled = regex(&made[i], &done[i], rows[i].pattern);

		if (compiled && (i < 4 || strstr(line, "PORT") || strstr(line, "port")))
			match_ports(scan, compiled, rows[i].group,
			            rows[i].listens || place.of_server, line, place);
	}
}

static char *group_text(const char *line, regmatch_t match)
{
	return match.rm_so < 0
	               ? NULL
	               : str_copy_len(line + match.rm_so, (size_t)(match.rm_eo - match.rm_so));
}

/* Only servers on this machine: Berth does not rename databases of remote ones. */
void look_urls(struct scan *scan, const char *line, bool logins_only, struct place place)
{
	static const char pattern[] =
		"(jdbc:)?([a-z0-9]+)(\\+[a-z0-9]+)?://(([^:@/[:space:]]+)(:[^@/[:space:]]*)?@)?"
		"(localhost|127\\.0\\.0\\.1|\\[::1\\])(:([0-9]+))?(/([A-Za-z0-9_-]+))?";
	static regex_t made;
	static bool done;
	regmatch_t found[12];
	regex_t *compiled = regex(&made, &done, pattern);

	while (compiled && !regexec(compiled, line, ARRAY_LEN(found), found, 0)) {
		cleanup_free char *scheme = group_text(line, found[2]),
				  *user = group_text(line, found[5]),
				  *port = group_text(line, found[9]),
				  *name = group_text(line, found[11]);
		const struct look_database database = {
			.scheme = scheme,
			.user = user ? user : place.user,
			.port = port,
			.name = name,
			.in_env = !strcmp(place.file, ".env") && str_starts(line, "DATABASE_URL="),
		};

		if (!logins_only || (user && name && strcmp(name, "postgres") != 0))
			scan_add_database(scan, &database, place);
		line += found[0].rm_eo;
	}
}
