/* SPDX-License-Identifier: MIT */
/*
 * Strings with which the server itself connects: arguments of dblink's functions, options of
 * foreign servers and subscriptions. libpq reads two forms (its manual, "Connection Strings"):
 * words KEY = VALUE, where a value may be quoted, and URLs, which may have words as well. The last
 * dbname counts, so each is mapped. In other places a string that looks like one is data.
 */
#include "tools/db/sql/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS_MAX = 100 }; /* of brackets between dblink and its string */

static const char key[] = "dbname", dblink[] = "dblink";

bool rewrite_connects(const struct parse *parse, size_t begin, size_t i)
{
	static const char *const verbs[] = { "create", "alter", NULL };
	static const char *const kinds[] = { "server", "subscription", NULL };

	if (parse_is_one_of(parse, begin, verbs) && parse_is_one_of(parse, begin + 1, kinds))
		return true;
	for (int level = 0; level < LEVELS_MAX; level++) {
		i = parse_opening(parse, begin, i);
		if (i == PARSE_NONE)
			return false;
		if (parse_is_sign(parse, i, "(") && i > begin &&
		    parse_begins_name(parse, i - 1, dblink))
			return true;
	}
	return false;
}

void rewrite_connection(struct parse *parse, size_t i, size_t end)
{
	size_t first, last;

	if (!parse_is_sign(parse, i + 1, "(") || !parse_begins_name(parse, i, dblink))
		return;
	/* dblink_connect(name, string); the other functions begin with a string or a name */
	for (int argument = 0; argument <= parse_begins_name(parse, i, "dblink_connect");
	     argument++)
		if (parse_find_argument(parse, i + 1, end, argument, &first, &last) &&
		    (first < last || (parse_token(parse, first)->kind != TOKEN_DOLLAR &&
		                      !parse_is_string(parse, first))))
			rewrite_computed(parse, first, last);
}

/* A value of a connection string: @sign quotes a byte, or %XX stands for one. */
static void add_value(struct str *out, const char *at, const char *end, char sign)
{
	for (; at < end; at++) {
		bool escape = *at == sign && at + 1 < end;
		char hex[3] = { 0 };

		if (escape && sign == '%' && at + 2 < end && isxdigit((unsigned char)at[1]) &&
		    isxdigit((unsigned char)at[2])) {
			char byte;

			memcpy(hex, at + 1, 2);
			byte = (char)strtoul(hex, NULL, 16);
			str_add_len(out, &byte, 1);
			at += 2;
		} else {
			at += escape && sign == '\\';
			str_add_len(out, at, 1);
		}
	}
}

/* Append the physical name of the value from @at to @end, written as in a URL or in quotes. */
static void add_physical(const struct parse *parse, struct str *out, const char *at,
                         const char *end, bool is_url)
{
	cleanup_str struct str logical = { 0 }, physical = { 0 };

	add_value(&logical, at, end, is_url ? '%' : '\\');
	if (!logical.len)
		return;
	names_physical(parse->names, logical.text, logical.len, &physical);
	for (const char *byte = physical.text; *byte; byte++) {
		bool plain = isalnum((unsigned char)*byte) || strchr("_-.~", *byte) || *byte < 0;

		if (is_url && !plain)
			str_addf(out, "%%%02X", (unsigned int)(unsigned char)*byte);
		else
			str_addf(out, "%s%c", plain ? "" : "\\", *byte);
	}
}

static const char *skip_space(const char *at)
{
	while (lexer_is_space(*at))
		at++;
	return at;
}

/* KEY = VALUE ... */
static void map_words(const struct parse *parse, const char *at, struct str *out)
{
	while (*at) {
		const char *name = skip_space(at), *sign = name + strcspn(name, "= \t\n\r\f\v");
		const char *value = skip_space(sign), *end;
		bool quoted;

		if (*value != '=') {
			str_add_len(out, at, (size_t)(value - at));
			if (value == at)
				return;
			at = value;
			continue;
		}
		value = skip_space(value + 1);
		quoted = *value == '\'';
		value += quoted;
		for (end = value; *end && (quoted ? *end != '\'' : !lexer_is_space(*end)); end++)
			end += *end == '\\' && end[1];
		str_add_len(out, at, (size_t)(value - at));
		if (sign - name == sizeof(key) - 1 && !memcmp(name, key, sizeof(key) - 1))
			add_physical(parse, out, value, end, false);
		else
			str_add_len(out, value, (size_t)(end - value));
		at = end;
		if (quoted && *at)
			str_add_len(out, at++, 1);
	}
}

/* @at is behind the scheme: [user@]host[:port][,...]/NAME[?KEY=VALUE&...] */
static void map_url(const struct parse *parse, const char *at, struct str *out)
{
	const char *end = at + strcspn(at, "?"), *name = memchr(at, '/', (size_t)(end - at));

	name = name ? name + 1 : end;
	str_add_len(out, at, (size_t)(name - at));
	add_physical(parse, out, name, end, true);
	while (*end) {
		at = end++;
		end += strcspn(end, "&");
		if (!strncmp(at + 1, "dbname=", sizeof("dbname=") - 1)) {
			str_add_len(out, at, sizeof("?dbname=") - 1);
			add_physical(parse, out, at + sizeof("?dbname=") - 1, end, true);
		} else {
			str_add_len(out, at, (size_t)(end - at));
		}
	}
}

void rewrite_connection_string(struct parse *parse, size_t i)
{
	static const char *const schemes[] = { "postgresql://", "postgres://" };
	cleanup_free char *value = parse_value(parse, i);
	cleanup_str struct str mapped = { 0 };

	if (i && parse_has_name(parse, i - 1, key)) { /* OPTIONS (dbname 'x') */
		parse_edit_literal(parse, i);
		return;
	}
	for (size_t s = 0; s < ARRAY_LEN(schemes) && !mapped.len; s++)
		if (str_starts(value, schemes[s])) {
			str_add(&mapped, schemes[s]);
			map_url(parse, value + strlen(schemes[s]), &mapped);
		}
	if (!mapped.len)
		map_words(parse, value, &mapped);
	if (mapped.len)
		parse_edit_value(parse, i, mapped.text);
}
