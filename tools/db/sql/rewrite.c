/* SPDX-License-Identifier: MIT */
/*
 * The places where statements name databases, and what is mapped there:
 *
 *	CREATE, DROP, ALTER, COMMENT ON, GRANT ... ON, ... DATABASE x
 *		the name, and the names behind TEMPLATE and RENAME TO
 *	current_database(), FROM pg_database, pg_stat_activity, ...
 *		what the server gives: rewrite_catalog.c
 *	pg_database_size('x'), pg_terminate_backend(n)
 *		the argument
 *	dblink('dbname=x'), CONNECTION 'postgresql://h/x'
 *		the name inside
 *	FROM x.schema.table, 'x.schema.t'::regclass
 *		the first part
 *	PREPARE TRANSACTION 'x'
 *		the identifier, which all databases of a server share
 *	DO and function bodies, EXECUTE 'ALTER DATABASE ...'
 *		the same, inside
 *	EXECUTE format('ALTER DATABASE %I', x), dblink(x)
 *		the server maps what it has computed
 *
 * A statement that would alter a shared database (postgres, template0, template1), or read the
 * sessions of others, is refused.
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
#include "tools/db/sql/value.h"

enum { TOKENS_MAX = 1 << 20, DEPTH_MAX = 4 };

static const char *const refusals[] = {
	[REFUSAL_NONE] = "",
	[REFUSAL_SHARED] = "this would change a database that all workers share",
	[REFUSAL_LONG] = "this statement names a database and is too long to be understood",
	[REFUSAL_CATALOG] =
		"this would change the catalog entries of databases that are not this worker's",
	[REFUSAL_SESSIONS] =
		"this would show the databases or sessions of other workers; use pg_stat_activity",
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

/* Is token @i in a list of objects: FROM a, b; TRUNCATE a, b; GRANT ... ON a, b? */
static bool in_list(const struct parse *parse, size_t begin, size_t i)
{
	static const char *const verbs[] = { "truncate", "grant",   "revoke",  "lock", "drop",
		                             "vacuum",   "analyze", "analyse", NULL };

	return parse_is_sign(parse, i - 1, ",") &&
	       (parse_is_one_of(parse, begin, verbs) || parse_in_from_list(parse, i - 1));
}

/* The type of a column or a parameter: CREATE TABLE t (name TYPE, ...), ADD COLUMN name TYPE */
static bool is_type(const struct parse *parse, size_t begin, size_t i)
{
	static const char *const verbs[] = { "create", "alter", NULL };
	static const char *const before[] = { "add", "column", "attribute", NULL };

	return i >= 2 && parse_is_one_of(parse, begin, verbs) && parse_is_name(parse, i - 1) &&
	       !parse_is(parse, i - 1, "select") &&
	       (parse_is_sign(parse, i - 2, "(") || parse_is_sign(parse, i - 2, ",") ||
	        parse_is_one_of(parse, i - 2, before));
}

/*
 * database.schema.object, where an object of this form may stand. In other places it is a column:
 * schema.table.column.
 */
static void three_parts(struct parse *parse, size_t begin, size_t i)
{
	static const char *const before[] = {
		"from",     "join",         "into",     "update",  "table",   "only",
		"on",       "exists",       "view",     "returns", "setof",   "references",
		"copy",     "truncate",     "index",    "using",   "type",    "sequence",
		"function", "procedure",    "call",     "domain",  "analyze", "vacuum",
		"lock",     "concurrently", "inherits", "like",    "as",      NULL
	};
	cleanup_free char *name = NULL;
	bool is_column = parse_is_sign(parse, i + 5, "."); /* database.schema.table.column */
	bool is_call = parse_is_sign(parse, i + 5, "(");
	bool is_cast = i >= 2 && parse_is_sign(parse, i - 1, ":") &&
	               parse_is_sign(parse, i - 2, ":");

	if (!i || parse_is_sign(parse, i - 1, ".") || !parse_is_name(parse, i) ||
	    !parse_is_sign(parse, i + 1, ".") || !parse_is_name(parse, i + 2) ||
	    !parse_is_sign(parse, i + 3, ".") ||
	    !(is_column || is_call || is_cast || parse_is_one_of(parse, i - 1, before) ||
	      in_list(parse, begin, i) || is_type(parse, begin, i)))
		return;
	name = parse_value(parse, i);
	if (names_is_known(parse->names, name, strlen(name)))
		parse_edit_name(parse, i);
}

/* Does a function at @open read names of objects in its strings? mention.c knows these. */
static bool takes_objects(const struct parse *parse, size_t open)
{
	static const char *const prefixes[] = { "pg_",     "has_",    "to_reg",
		                                "nextval", "currval", "setval" };

	for (size_t p = 0; open && open != PARSE_NONE && p < ARRAY_LEN(prefixes); p++)
		if (parse_begins_name(parse, open - 1, prefixes[p]))
			return true;
	return false;
}

/* 'x.public.t'::regclass, nextval('x.public.s'): @i is a string. */
static void three_parts_literal(struct parse *parse, size_t begin, size_t i)
{
	static const char *const types[] = { "regclass", "regtype", "regproc", "regprocedure",
		                             NULL };
	cleanup_free char *value = parse_value(parse, i), *name = NULL;
	struct lexer lexer = { .plain_strings = true };
	struct token tokens[6] = { 0 };
	cleanup_str struct str whole = { 0 };
	size_t count = 0, open = parse_opening(parse, begin, i);
	bool is_cast = parse_is_sign(parse, i + 1, ":") && parse_is_sign(parse, i + 2, ":");
	bool is_reg = parse_has_name_of(parse, is_cast ? i + 3 : i + 2, types) ||
	              (i && parse_has_name_of(parse, i - 1, types));

	lexer_feed(&lexer, value, strlen(value), true);
	while (count < 6 && lexer_next(&lexer, &tokens[count]))
		count++;
	if (count != 5 || !token_is_name(&tokens[0]) || value[tokens[1].at] != '.' ||
	    value[tokens[3].at] != '.')
		return;
	while (parse_is_sign(parse, open, "["))
		open = parse_opening(parse, begin, open);
	name = token_value(value, &tokens[0]);
	if (!names_is_known(parse->names, name, strlen(name)) ||
	    !(is_reg || takes_objects(parse, open)))
		return;
	str_add(&whole, "\"");
	names_physical(parse->names, name, strlen(name), &whole);
	str_add(&whole, "\"");
	str_add(&whole, value + tokens[1].at);
	parse_edit_value(parse, i, whole.text);
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
		               .database = parse->database,
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
}

/* Does the string begin like a statement? EXECUTE 'ALTER DATABASE x ...' */
static bool holds_statement(const struct parse *parse, const struct token *token)
{
	static const char *const verbs[] = { "create ", "drop ",   "alter ",   "comment ",
		                             "grant ",  "revoke ", "reindex ", "select ",
		                             "insert ", "update ", "delete ",  "with ",
		                             "do ",     "call ",   "truncate " };
	const char *body = parse->text + token->body, *end = body + token->body_len;

	while (body < end && lexer_is_space(*body))
		body++;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (parse_begins(body, (size_t)(end - body), verbs[i]))
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
	bool program, connects;

	if (token->kind != TOKEN_DOLLAR && !parse_is_string(parse, i))
		return;
	program = holds_program(parse, begin) && i > begin && !parse_is(parse, i - 1, "language");
	connects = rewrite_connects(parse, begin, i);
	if (parse->depth || connects
	            ? holds_statement(parse, token) || (parse->depth && token->kind == TOKEN_DOLLAR)
	            : program)
		inner_text(parse, token);
	else if (connects)
		rewrite_connection_string(parse, i);
	else
		three_parts_literal(parse, begin, i);
}

/* Do strings of this text hold what an EXECUTE may put together? */
static bool builds_names(const struct parse *parse)
{
	static const char *const words[] = { "database", "dbname", "postgres" };

	for (size_t i = 0; i < parse->count; i++) {
		const struct token *token = parse_token(parse, i);
		const char *body = parse->text + token->body;

		if (token->kind < TOKEN_STRING || token->kind > TOKEN_DOLLAR)
			continue;
		for (size_t at = 0; at < token->body_len; at++)
			for (size_t w = 0; w < ARRAY_LEN(words); w++)
				if (parse_begins(body + at, token->body_len - at, words[w]))
					return true;
	}
	return false;
}

/* PL/pgSQL: EXECUTE expression [INTO ...] [USING ...]; the server maps what is no literal. */
static void computed_statement(struct parse *parse, size_t i, size_t end)
{
	static const char *const ends[] = { "into", "using", "loop", NULL };
	static const char *const others[] = {
		"on", "function", "procedure", "grant", "revoke", NULL
	};
	size_t last = i + 1;
	int depth = 0;

	if (!parse->depth || !parse_is(parse, i, "execute") ||
	    (i && parse_is_one_of(parse, i - 1, others)) || parse_is_one_of(parse, i + 1, others))
		return;
	for (; last < end && (depth || !parse_is_one_of(parse, last, ends)); last++) {
		depth += parse_is_sign(parse, last, "(");
		depth -= parse_is_sign(parse, last, ")");
	}
	if (last > i + 2 && builds_names(parse))
		rewrite_computed(parse, i + 1, last - 1);
}

static void parse_statement(struct parse *parse, size_t begin, size_t end)
{
	rewrite_database(parse, begin, end);
	rewrite_prepared_transaction(parse, begin);
	for (size_t i = begin; i < end; i++) {
		rewrite_catalog(parse, begin, i, end);
		rewrite_call(parse, i, end);
		rewrite_connection(parse, i, end);
		computed_statement(parse, i, end);
		string_token(parse, begin, i);
		three_parts(parse, begin, i);
	}
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
	name->len = (uint32_t)(string->at + string->len - name->at);
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
	parse_find_places(parse);
	for (size_t begin = 0, end; begin < parse->count; begin = end + 1) {
		for (end = begin; end < parse->count && !parse_is_sign(parse, end, ";"); end++)
			;
		parse_statement(parse, inner_begin(parse, begin, end), end);
	}
	free(parse->tokens);
	free(parse->places);
	parse->tokens = NULL;
	parse->places = NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct rewrite_edit *one = a, *two = b;

	return one->at != two->at ? (one->at < two->at ? -1 : 1)
	                          : (one->order > two->order) - (one->order < two->order);
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

void rewrite_statement(const struct rewrite_session *session, const char *text, size_t len,
                       struct rewrite_result *ret_result)
{
	struct parse parse = { .names = session->names,
		               .result = ret_result,
		               .database = session->database,
		               .plain_strings = session->plain_strings };

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
