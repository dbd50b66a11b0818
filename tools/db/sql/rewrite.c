/* SPDX-License-Identifier: MIT */
/*
 * The places where statements name databases, and what is mapped there:
 *
 *	CREATE, DROP, ALTER, COMMENT ON, GRANT ... ON, ... DATABASE x
 *		the name, and the names behind TEMPLATE and RENAME TO
 *	datname = 'x', table_catalog IN ('x'), datname = $1
 *		the literal; for Bind, the number of the parameter
 *	pg_database_size('x')
 *		the literal
 *	dblink('dbname=x'), CONNECTION 'postgresql://h/x'
 *		the name inside
 *	FROM x.schema.table, 'x.schema.t'::regclass
 *		the first part
 *	FROM pg_database, pg_stat_activity
 *		the relation: only the worker's own rows are left
 *	PREPARE TRANSACTION 'x'
 *		the identifier, which all databases of a server share
 *	DO and function bodies, EXECUTE 'ALTER DATABASE ...'
 *		the same, inside
 *
 * Every name is mapped, so no statement reaches the database of another worker or the original. A
 * statement that would alter a shared database (postgres, template0, template1) is refused.
 *
 * This file applies the rules. The rules of rewrite_database.c, rewrite_catalog.c and
 * rewrite_connect.c never call it.
 */
#include "tools/db/sql/rewrite.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/db/sql/mention.h"
#include "tools/db/sql/parse.h"

enum { TOKENS_MAX = 1 << 20, DEPTH_MAX = 4 };

static const char *const refusals[] = {
	[REFUSAL_NONE] = "",
	[REFUSAL_SHARED] = "this would change a database that all workers share",
	[REFUSAL_LONG] = "this statement names a database and is too long to be understood",
	[REFUSAL_CATALOG] =
		"this would change the catalog entries of databases that are not this worker's",
};

const char *rewrite_refusal_text(enum rewrite_refusal refusal)
{
	return refusals[refusal];
}

bool rewrite_is_refusal(const char *message)
{
	for (size_t i = 1; i < ARRAY_LEN(refusals); i++)
		if (!strcmp(message, refusals[i]))
			return true;
	return false;
}

/* --- names with three parts --- */

static void three_parts(struct parse *parse, size_t i)
{
	static const char *const before[] = { "from", "join",     "into",   "update", "table",
		                              "only", "on",       "exists", "view",   "references",
		                              "copy", "truncate", "index",  "using",  NULL };
	cleanup_free char *name = NULL;
	/* of four parts: database.schema.table.column, in any place */
	bool is_column = parse_is_sign(parse, i + 5, ".") && i && !parse_is_sign(parse, i - 1, ".");

	if (!i || (!is_column && !parse_is_one_of(parse, i - 1, before)) ||
	    !parse_is_name(parse, i) || !parse_is_sign(parse, i + 1, ".") ||
	    !parse_is_name(parse, i + 2) || !parse_is_sign(parse, i + 3, ".") ||
	    !parse_is_name(parse, i + 4))
		return;
	name = parse_value(parse, i);
	if (names_is_known(parse->names, name, strlen(name)))
		parse_edit_name(parse, i);
}

/* 'x.public.t'::regclass */
static void three_parts_literal(struct parse *parse, size_t i)
{
	const struct token *token = parse_token(parse, i);
	const char *body = parse->text + token->body;
	const char *dot = memchr(body, '.', token->body_len);
	size_t len = dot ? (size_t)(dot - body) : 0;
	bool bare = len && *body != '"';
	cleanup_str struct str physical = { 0 };

	if (!dot || !memchr(dot + 1, '.', token->body_len - len - 1) || len < 2 ||
	    !parse_is_string(parse, i))
		return;
	if (!(parse_is_sign(parse, i + 1, ":") && parse_is_sign(parse, i + 2, ":") &&
	      parse_has_name(parse, i + 3, "regclass")) &&
	    !(i >= 2 && parse_has_name(parse, i - 2, "to_regclass")))
		return;
	body += bare ? 0 : 1;
	len -= bare ? 0 : 2;
	if (!names_is_known(parse->names, body, len))
		return;
	names_physical(parse->names, body, len, &physical);
	parse_edit(parse, (size_t)(body - parse->text), len, physical.text);
}

/* --- strings that hold SQL --- */

static void parse_text(struct parse *parse, const char *text, size_t len);

/*
 * Append @body with its doubled quotes made single.
 * @ret_places	where each byte of the result, and its end, is in @body
 */
static void unquote(const char *body, size_t len, struct str *ret_text, size_t **ret_places)
{
	size_t *places = mem_grow(NULL, len + 1, sizeof(*places));

	for (size_t i = 0; i < len; i++) {
		places[ret_text->len] = i;
		str_add_len(ret_text, body + i, 1);
		i += body[i] == '\'' && i + 1 < len;
	}
	places[ret_text->len] = len;
	*ret_places = places;
}

/* Apply the rules to a text in a string. Its edits get their places in the outer text. */
static void inner_text(struct parse *parse, const struct token *token)
{
	const char *body = parse->text + token->body;
	struct rewrite_result *result = parse->result;
	unsigned int before = result->edit_count;
	cleanup_str struct str text = { 0 };
	cleanup_free size_t *places = NULL;
	bool quoted = token->kind != TOKEN_DOLLAR;
	struct parse inner = { .names = parse->names,
		               .result = result,
		               .plain_strings = parse->plain_strings,
		               .depth = parse->depth + 1,
		               .doubled = parse->doubled + quoted };

	if (parse->depth >= DEPTH_MAX || !mention_in_text(parse->names, body, token->body_len))
		return;
	if (!quoted || !memchr(body, '\'', token->body_len)) {
		inner.shift = parse->shift + token->body;
		parse_text(&inner, body, token->body_len);
	} else {
		unquote(body, token->body_len, &text, &places);
		parse_text(&inner, text.text, text.len);
		for (unsigned int i = before; i < result->edit_count; i++) {
			struct rewrite_edit *one = &result->edits[i];
			size_t end = places[one->at + one->removed];

			one->at = places[one->at];
			one->removed = end - one->at;
			one->at += parse->shift + token->body;
		}
	}
	parse->mapped += inner.mapped;
}

/* Does the string begin like a statement about databases? EXECUTE 'ALTER DATABASE x ...' */
static bool holds_statement(const struct parse *parse, const struct token *token)
{
	static const char *const verbs[] = { "create ", "drop ",   "alter ",  "comment ",
		                             "grant ",  "revoke ", "reindex " };
	const char *body = parse->text + token->body;

	if (!memchr(body, ' ', token->body_len))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (parse_begins(body, token->body_len, verbs[i]))
			return true;
	return false;
}

/* --- all of it --- */

/* Are the strings of this statement programs? Strings inside a program may be programs again. */
static bool holds_program(const struct parse *parse, size_t begin)
{
	static const char *const kinds[] = { "function", "procedure", NULL };
	size_t kind = parse_is(parse, begin + 1, "or") ? begin + 3 : begin + 1;

	return parse_is(parse, begin, "do") ||
	       (parse_is(parse, begin, "create") && parse_is_one_of(parse, kind, kinds));
}

static void string_token(struct parse *parse, size_t begin, size_t i)
{
	const struct token *token = parse_token(parse, i);
	bool program = holds_program(parse, begin) && i > begin &&
	               !parse_is(parse, i - 1, "language");

	if (token->kind != TOKEN_DOLLAR && !parse_is_string(parse, i))
		return;
	if (parse->depth ? token->kind == TOKEN_DOLLAR || holds_statement(parse, token) : program) {
		inner_text(parse, token);
		return;
	}
	rewrite_connection_string(parse, begin, i);
	if (token->kind != TOKEN_DOLLAR)
		three_parts_literal(parse, i);
}

/* format('ALTER DATABASE %I ...', 'x') in a program: map the name of a known database. */
static void format_argument(struct parse *parse, size_t i)
{
	cleanup_free char *name = NULL;

	if (!parse->depth || !parse_is_string(parse, i) || !parse_is_sign(parse, i - 1, ","))
		return;
	name = parse_value(parse, i);
	if (names_is_known(parse->names, name, strlen(name)) && parse_mentions(parse, "format"))
		parse_edit_literal(parse, i);
}

/* UPDATE [ONLY] [pg_catalog.]pg_database, DELETE FROM the same */
static bool alters_catalog(const struct parse *parse, size_t begin)
{
	if (!parse_is(parse, begin, "update") && !parse_is(parse, begin, "delete"))
		return false;
	for (size_t i = begin + 1; i <= begin + 4; i++)
		if (parse_has_name(parse, i, "pg_database"))
			return true;
	return false;
}

static void parse_statement(struct parse *parse, size_t begin, size_t end)
{
	unsigned int mapped = parse->mapped;

	rewrite_database(parse, begin, end);
	rewrite_prepared_transaction(parse, begin);
	for (size_t i = begin; i < end; i++) {
		rewrite_comparison(parse, i, end);
		string_token(parse, begin, i);
		format_argument(parse, i);
		three_parts(parse, i);
		rewrite_shared_relation(parse, begin, i);
	}
	if (alters_catalog(parse, begin) && parse->mapped == mapped)
		parse->result->refusal = REFUSAL_CATALOG;
}

/* In a program, a statement begins with its first verb: IF ... THEN ALTER DATABASE x ... */
static size_t inner_begin(const struct parse *parse, size_t begin, size_t end)
{
	static const char *const verbs[] = { "create", "drop",   "alter",  "comment", "grant",
		                             "revoke", "update", "delete", NULL };

	for (size_t i = begin; parse->depth && i < end; i++)
		if (parse_is_one_of(parse, i, verbs))
			return i;
	return begin;
}

/* The clause UESCAPE 'c', behind U&"name", becomes a part of the name's token. */
static bool join_uescape(struct parse *parse, const struct token *string)
{
	struct token *name;

	if (parse->count < 2 || !parse_is(parse, parse->count - 1, "uescape") ||
	    string->kind < TOKEN_STRING || string->kind > TOKEN_ESTRING || string->body_len != 1)
		return false;
	name = &parse->tokens[parse->count - 2];
	if (name->kind != TOKEN_UQUOTED && name->kind != TOKEN_OTHER_STRING)
		return false;
	name->len = string->at + string->len - name->at;
	parse->count--;
	return true;
}

static void parse_text(struct parse *parse, const char *text, size_t len)
{
	struct lexer lexer = { .plain_strings = parse->plain_strings };
	struct token token;
	size_t space = 64;

	parse->text = text;
	parse->tokens = mem_grow(NULL, space, sizeof(*parse->tokens));
	lexer_feed(&lexer, text, len, true);
	while (parse->count < TOKENS_MAX && lexer_next(&lexer, &token)) {
		if (join_uescape(parse, &token))
			continue;
		if (parse->count == space)
			parse->tokens = mem_grow(parse->tokens, space *= 2, sizeof(*parse->tokens));
		parse->tokens[parse->count++] = token;
		if (token.kind == TOKEN_LONG_TAG)
			parse->result->refusal = REFUSAL_LONG;
	}
	if (parse->count == TOKENS_MAX &&
	    mention_in_text(parse->names, text + lexer.at, len - lexer.at))
		parse->result->refusal = REFUSAL_LONG;
	for (size_t begin = 0, end; begin < parse->count; begin = end + 1) {
		for (end = begin; end < parse->count && !parse_is_sign(parse, end, ";"); end++)
			;
		parse_statement(parse, inner_begin(parse, begin, end), end);
	}
	free(parse->tokens);
	parse->tokens = NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct rewrite_edit *one = a, *two = b;

	return one->at < two->at ? -1 : one->at > two->at;
}

/* Edits come in the order of the rules. If two rules found the same name, the first edit counts. */
static void apply(struct rewrite_result *result, const char *text, size_t len)
{
	struct str out = { 0 };
	size_t at = 0;
	unsigned int kept = 0;

	qsort(result->edits, result->edit_count, sizeof(*result->edits), by_place);
	for (unsigned int i = 0; i < result->edit_count; i++) {
		struct rewrite_edit *one = &result->edits[i];

		if (one->at < at) {
			free(one->text);
			continue;
		}
		str_add_len(&out, text + at, one->at - at);
		str_add(&out, one->text);
		at = one->at + one->removed;
		result->edits[kept++] = *one;
	}
	result->edit_count = kept;
	str_add_len(&out, text + at, len - at);
	result->text = str_take(&out);
}

void rewrite_statement(struct names *names, const char *text, size_t len, bool plain_strings,
                       struct rewrite_result *ret_result)
{
	struct parse parse = { .names = names,
		               .result = ret_result,
		               .plain_strings = plain_strings };

	*ret_result = (struct rewrite_result){ 0 };
	parse_text(&parse, text, len);
	if (ret_result->changed)
		apply(ret_result, text, len);
}

void rewrite_free(struct rewrite_result *result)
{
	for (unsigned int i = 0; i < result->edit_count; i++)
		free(result->edits[i].text);
	free(result->edits);
	free(result->text);
	*result = (struct rewrite_result){ 0 };
}

static size_t characters(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

size_t rewrite_position(const struct rewrite_result *result, const char *original, size_t position)
{
	size_t old_at = 0, new_chars = 0, old_chars = 0; /* behind the edits passed so far */
	size_t end = characters(original, strlen(original)) + 1;

	for (unsigned int i = 0; i < result->edit_count; i++) {
		const struct rewrite_edit *one = &result->edits[i];
		size_t between = characters(original + old_at, one->at - old_at);
		size_t inserted = characters(one->text, strlen(one->text));

		if (new_chars + between >= position)
			break;
		new_chars += between;
		old_chars += between;
		if (new_chars + inserted >= position)
			return old_chars + 1;
		new_chars += inserted;
		old_chars += characters(original + one->at, one->removed);
		old_at = one->at + one->removed;
	}
	position = old_chars + (position - new_chars);
	/* a server may count other characters in bytes that are not UTF-8 */
	return position < end ? position : end;
}
