/* SPDX-License-Identifier: MIT */
/* Questions about tokens and edits to their text; see parse.h. */
#include "tools/db/sql/parse.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/db/sql/value.h"

bool parse_begins(const char *at, size_t left, const char *word)
{
	size_t len = strlen(word);

	return left >= len && !strncasecmp(at, word, len);
}

const struct token *parse_token(const struct parse *parse, size_t i)
{
	static const struct token end = { 0 };

	return i < parse->count ? &parse->tokens[i] : &end;
}

bool parse_is(const struct parse *parse, size_t i, const char *word)
{
	return lexer_is_word(parse->text, parse_token(parse, i), word);
}

bool parse_is_sign(const struct parse *parse, size_t i, const char *sign)
{
	const struct token *token = parse_token(parse, i);

	return token->kind == TOKEN_OPERATOR && token->len == strlen(sign) &&
	       !memcmp(parse->text + token->at, sign, token->len);
}

bool parse_is_one_of(const struct parse *parse, size_t i, const char *const *words)
{
	for (; *words; words++)
		if (parse_is(parse, i, *words))
			return true;
	return false;
}

bool parse_is_name(const struct parse *parse, size_t i)
{
	return token_is_name(parse_token(parse, i));
}

bool parse_is_string(const struct parse *parse, size_t i)
{
	const struct token *token = parse_token(parse, i);

	return token->kind == TOKEN_STRING || token->kind == TOKEN_ESTRING ||
	       (token->kind == TOKEN_OTHER_STRING && (parse->text[token->at] | 32) == 'u');
}

char *parse_value(const struct parse *parse, size_t i)
{
	return token_value(parse->text, parse_token(parse, i));
}

bool parse_has_name(const struct parse *parse, size_t i, const char *name)
{
	const struct token *token = parse_token(parse, i);
	cleanup_free char *value = NULL;

	switch (token->kind) {
	case TOKEN_WORD: return parse_is(parse, i, name);
	case TOKEN_QUOTED: /* @name has no quotes */
		return token->body_len == strlen(name) &&
		       !memcmp(parse->text + token->body, name, token->body_len);
	case TOKEN_UQUOTED: value = parse_value(parse, i); return !strcmp(value, name);
	default: return false;
	}
}

bool parse_has_name_of(const struct parse *parse, size_t i, const char *const *names)
{
	for (; *names; names++)
		if (parse_has_name(parse, i, *names))
			return true;
	return false;
}

bool parse_mentions(const struct parse *parse, const char *name)
{
	for (size_t i = 0; i < parse->count; i++)
		if (parse_has_name(parse, i, name))
			return true;
	return false;
}

size_t parse_qualified_begin(const struct parse *parse, size_t i)
{
	while (i >= 2 && parse_is_sign(parse, i - 1, ".") && parse_is_name(parse, i - 2))
		i -= 2;
	return i;
}

bool parse_in_pg_catalog(const struct parse *parse, size_t i)
{
	return i < 2 || !parse_is_sign(parse, i - 1, ".") ||
	       parse_has_name(parse, i - 2, "pg_catalog");
}

size_t parse_token_end(const struct parse *parse, size_t i)
{
	return parse_token(parse, i)->at + parse_token(parse, i)->len;
}

bool parse_begins_name(const struct parse *parse, size_t i, const char *word)
{
	cleanup_free char *name = parse_is_name(parse, i) ? parse_value(parse, i) : NULL;

	return name && str_starts(name, word);
}

void parse_find_places(struct parse *parse)
{
	struct parse_place now = { PARSE_NONE, CLAUSE_NONE };

	parse->places = mem_grow(NULL, parse->count + 1, sizeof(*parse->places));
	for (size_t i = 0; i < parse->count; i++) {
		parse->places[i] = now;
		if (parse_is_sign(parse, i, "(") || parse_is_sign(parse, i, "[")) {
			now = (struct parse_place){ (uint32_t)i & PARSE_NONE, CLAUSE_NONE };
		} else if ((parse_is_sign(parse, i, ")") || parse_is_sign(parse, i, "]")) &&
		           now.opening != PARSE_NONE) {
			now = parse->places[now.opening];
		} else if (parse_is_sign(parse, i, ";")) {
			now = (struct parse_place){ PARSE_NONE, CLAUSE_NONE };
		} else if (parse_is(parse, i, "select")) {
			now.clause = CLAUSE_SELECT;
		} else if (parse_is(parse, i, "from") || parse_is(parse, i, "using")) {
			now.clause = CLAUSE_FROM;
		}
	}
}

bool parse_in_from_list(const struct parse *parse, size_t comma)
{
	return parse->places[comma].clause == CLAUSE_FROM;
}

size_t parse_opening(const struct parse *parse, size_t begin, size_t i)
{
	uint32_t opening = i < parse->count ? parse->places[i].opening : PARSE_NONE;

	return opening >= begin ? opening : PARSE_NONE;
}

bool parse_is_own(const struct parse *parse)
{
	return parse->database && !names_is_shared(parse->database, strlen(parse->database));
}

size_t parse_closing(const struct parse *parse, size_t open, size_t end)
{
	int depth = 0;

	for (size_t i = open; i < end; i++) {
		depth += parse_is_sign(parse, i, "(") || parse_is_sign(parse, i, "[");
		depth -= parse_is_sign(parse, i, ")") || parse_is_sign(parse, i, "]");
		if (!depth)
			return i;
	}
	return end;
}

bool parse_find_argument(const struct parse *parse, size_t open, size_t end, int wanted,
                         size_t *ret_first, size_t *ret_last)
{
	size_t close = parse_closing(parse, open, end), begin = open + 1, before = 0;
	int count = 0, depth = 0;

	if (close == end || close == open + 1)
		return false;
	for (size_t i = open + 1; i <= close; i++) {
		bool ends = i == close || (!depth && parse_is_sign(parse, i, ","));

		depth += parse_is_sign(parse, i, "(") || parse_is_sign(parse, i, "[");
		depth -= i < close &&
		         (parse_is_sign(parse, i, ")") || parse_is_sign(parse, i, "]"));
		if (!ends)
			continue;
		if (count++ == wanted || (wanted < 0 && i == close && before)) {
			*ret_first = wanted < 0 ? before : begin;
			*ret_last = wanted < 0 ? begin - 2 : i - 1;
			return *ret_first <= *ret_last;
		}
		before = begin;
		begin = i + 1;
	}
	return false;
}

/* --- edits --- */

static void add_edit(struct parse *parse, size_t at, size_t removed, const char *text, int order)
{
	struct rewrite_result *result = parse->result;
	struct str quoted = { 0 };

	for (; *text; text++)
		for (unsigned int i = 0; i < (*text == '\'' ? 1u << parse->doubled : 1); i++)
			str_add_len(&quoted, text, 1);
	result->edits = mem_grow(result->edits, result->edit_count + 1, sizeof(*result->edits));
	result->edits[result->edit_count++] = (struct rewrite_edit){ .at = parse->shift + at,
		                                                     .removed = removed,
		                                                     .text = str_take(&quoted),
		                                                     .order = order };
	result->changed = true;
}

void parse_edit(struct parse *parse, size_t at, size_t removed, const char *text)
{
	add_edit(parse, at, removed, text, INT_MAX);
}

/* What is found later lies further inside. */
void parse_enclose(struct parse *parse, size_t at, const char *before, size_t end,
                   const char *after)
{
	int depth = (int)parse->result->edit_count + 1;

	add_edit(parse, at, 0, before, depth);
	add_edit(parse, end, 0, after, -depth);
}

/* Does @name need no quotes? With the suffix it is no keyword. */
static bool is_plain(const char *name)
{
	return !lexer_is_digit(*name) &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}

static void add_identifier(struct str *out, const char *name)
{
	str_add(out, "\"");
	for (; *name; name++) {
		if (*name == '"')
			str_add(out, "\"");
		str_add_len(out, name, 1);
	}
	str_add(out, "\"");
}

void parse_edit_name(struct parse *parse, size_t i)
{
	const struct token *token = parse_token(parse, i);
	cleanup_free char *logical = parse_value(parse, i);
	cleanup_str struct str physical = { 0 }, identifier = { 0 };

	names_physical(parse->names, logical, strlen(logical), &physical);
	if (!strcmp(physical.text ? physical.text : "", logical))
		return;
	if (token->kind == TOKEN_WORD && is_plain(physical.text))
		str_add(&identifier, physical.text);
	else
		add_identifier(&identifier, physical.text);
	parse_edit(parse, token->at, token->len, identifier.text);
}

/* Replace the string @token by one with the value @value. */
static void edit_string(struct parse *parse, const struct token *token, const char *value)
{
	bool escapes = strchr(value, '\\');
	cleanup_str struct str literal = { 0 };

	/* an outer E'' would read the backslashes once more */
	if (escapes && parse->doubled)
		return;
	str_add(&literal, escapes ? " E'" : "'");
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			str_add_len(&literal, value, 1);
		str_add_len(&literal, value, 1);
	}
	str_add(&literal, "'");
	parse_edit(parse, token->at, token->len, literal.text);
}

void parse_edit_value(struct parse *parse, size_t i, const char *value)
{
	const struct token *token = parse_token(parse, i);
	cleanup_free char *before = parse_value(parse, i);
	const char *body = parse->text + token->body;

	if (!strcmp(before, value))
		return;
	if (strlen(before) == token->body_len && !memcmp(before, body, token->body_len))
		parse_edit(parse, token->body, token->body_len, value);
	else
		edit_string(parse, token, value);
}

void parse_edit_literal(struct parse *parse, size_t i)
{
	cleanup_free char *logical = parse_value(parse, i);
	size_t len = strlen(logical);
	cleanup_str struct str physical = { 0 };

	if (!len)
		return;
	names_physical(parse->names, logical, len, &physical);
	parse_edit_value(parse, i, physical.text);
}
