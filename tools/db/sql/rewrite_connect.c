/* SPDX-License-Identifier: MIT */
/*
 * Strings with which the server itself connects: arguments of dblink's functions, options of
 * foreign servers and subscriptions. libpq reads two forms (its manual, "Connection Strings"):
 * words KEY = VALUE, where a value may be quoted, and URLs, which may have words as well. The last
 * dbname counts, so each is mapped. In other places a string that looks like one is data.
 */
#include "tools/db/sql/parse.h"

#include <string.h>

static const char key[] = "dbname";

/* A string token; @quote_len is 2 where a quote inside it is doubled. */
struct connection_string {
	struct parse *parse;
	const char *body, *end;
	size_t quote_len;
};

static bool is_dblink(const struct parse *parse, size_t i)
{
	cleanup_free char *name = parse_is_name(parse, i) ? parse_value(parse, i) : NULL;

	return name && str_starts(name, "dblink");
}

static bool connects(const struct parse *parse, size_t begin, size_t i)
{
	static const char *const verbs[] = { "create", "alter", NULL }, *const kinds[] = {
		"server", "subscription", NULL
	};

	if (parse_is_one_of(parse, begin, verbs) && parse_is_one_of(parse, begin + 1, kinds))
		return true;
	for (size_t at = begin; at < i; at++)
		if (parse_is_sign(parse, at + 1, "(") && is_dblink(parse, at))
			return true;
	return false;
}

static void map_name(const struct connection_string *string, const char *name, size_t len)
{
	struct parse *parse = string->parse;
	cleanup_str struct str physical = { 0 };

	if (!len)
		return;
	names_physical(parse->names, name, len, &physical);
	if (physical.len != len)
		parse_edit(parse, (size_t)(name - parse->text), len, physical.text);
}

static const char *skip_space(const struct connection_string *string, const char *at)
{
	while (at < string->end && lexer_is_space(*at))
		at++;
	return at;
}

/* @at is behind the key. Return: where the search for the next key continues. */
static const char *map_word(const struct connection_string *string, const char *at,
                            const char *ends)
{
	const char *value = skip_space(string, at);
	size_t len = 0;

	if (value == string->end || *value != '=')
		return at;
	value = skip_space(string, value + 1);
	if (value < string->end && *value == '\'') { /* up to the quote that closes it */
		value += string->quote_len;
		ends = "'\\";
	}
	while (value + len < string->end && !strchr(ends, value[len]))
		len++;
	map_name(string, value, len);
	return value + len;
}

static void map_words(const struct connection_string *string, const char *ends)
{
	const char *at = string->body;

	while ((at = memmem(at, (size_t)(string->end - at), key, sizeof(key) - 1))) {
		bool whole = at == string->body || lexer_is_space(at[-1]) || strchr("?&'", at[-1]);

		at += sizeof(key) - 1;
		if (whole)
			at = map_word(string, at, ends);
	}
}

/* @at is behind the scheme: [user@]host[:port][,...]/NAME?words */
static void map_url(const struct connection_string *string, const char *at)
{
	const char *end = string->end, *words = memchr(at, '?', (size_t)(end - at));
	const char *slash = memchr(at, '/', (size_t)((words ? words : end) - at));

	if (slash)
		map_name(string, slash + 1, (size_t)((words ? words : end) - slash - 1));
	map_words(string, "&'");
}

void rewrite_connection_string(struct parse *parse, size_t begin, size_t i)
{
	static const char *const schemes[] = { "postgresql://", "postgres://" };
	const struct token *token = parse_token(parse, i);
	const char *body = parse->text + token->body;
	struct connection_string string = { parse, body, body + token->body_len,
		                            token->kind == TOKEN_DOLLAR ? 1 : 2 };

	if (!connects(parse, begin, i))
		return;
	if (i && parse_has_name(parse, i - 1, key)) { /* OPTIONS (dbname 'x') */
		parse_edit_literal(parse, i);
		return;
	}
	for (size_t s = 0; s < ARRAY_LEN(schemes); s++)
		if (parse_begins(body, token->body_len, schemes[s])) {
			map_url(&string, body + strlen(schemes[s]));
			return;
		}
	map_words(&string, " '\\\t\n");
}
