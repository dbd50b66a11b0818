/* SPDX-License-Identifier: MIT */
/*
 * Statements that read the catalogs. Literals and parameters that are compared with a database name
 * become physical. The catalogs that show all databases are read through a condition, so that the
 * databases of other workers stay invisible.
 *
 * The identifiers of prepared transactions belong to the server, not to a database. Those of a
 * worker end with its suffix.
 */
#include "tools/db/sql/parse.h"

#include <stdlib.h>
#include <string.h>

/* --- comparisons --- */

static const char *const catalog_columns[] = {
	"datname",
	"table_catalog",
	"catalog_name",
	"constraint_catalog",
	"specific_catalog",
	"routine_catalog",
	"trigger_catalog",
	"event_object_catalog",
	"sequence_catalog",
	"domain_catalog",
	"udt_catalog",
	"view_catalog",
	"unique_constraint_catalog",
	"current_catalog",
	"current_database",
	"pg_database_size",
	"has_database_privilege",
	NULL,
};
static const char *const ends_comparison[] = { "and",   "or",     "then",  "select", "from",
	                                       "order", "group",  "limit", "union",  "when",
	                                       "else",  "end",    "where", "on",     "join",
	                                       "loop",  "escape", NULL };

static bool is_catalog_column(const struct parse *parse, size_t i)
{
	if (parse_has_name(parse, i, "database")) /* a column of these two */
		return parse_mentions(parse, "pg_prepared_xacts") ||
		       parse_mentions(parse, "pg_replication_slots");
	return parse_has_name_of(parse, i, catalog_columns);
}

/* Behind ~, ~*, !~, also as OPERATOR(pg_catalog.~), but not behind ~~, which is LIKE. */
static bool behind_match(const struct parse *parse, size_t i)
{
	const struct token *token = parse_token(
		parse, i && parse_is_sign(parse, i - 1, ")") ? i - 2 : i - 1);
	const char *sign = parse->text + token->at;

	return i > 1 && token->kind == TOKEN_OPERATOR && memchr(sign, '~', token->len) &&
	       !memmem(sign, token->len, "~~", 2);
}

/*
 * Is the pattern a plain name, ^x or ^(x)?
 * @ret_end	where the name ends
 * Return: where it begins; 0 if it is none.
 */
static size_t whole_name(const char *body, size_t len, size_t *ret_end)
{
	bool inner = len > 3 && body[1] == '(' && body[len - 1] == ')';
	size_t begin = inner ? 2 : 1;

	*ret_end = len - inner;
	for (size_t i = begin; i < *ret_end; i++)
		if (strchr(".*+?[]{}()|\\^$'", body[i]))
			return 0;
	return *body == '^' && begin < *ret_end ? begin : 0;
}

/*
 * Map a regular expression. '^(x)$', which psql sends for \l x, is a name. Another pattern that
 * ends with $ allows the suffix before it. A pattern that is open at its end matches the physical
 * name as it is.
 * Return: false if the literal is no regular expression.
 */
static bool edit_pattern(struct parse *parse, size_t i)
{
	const struct token *token = parse_token(parse, i);
	const char *body = parse->text + token->body;
	cleanup_str struct str text = { 0 };
	size_t end = token->body_len, begin, name_end;

	if (!end || (*body != '^' && !behind_match(parse, i)))
		return false;
	if (body[--end] != '$' || (end && body[end - 1] == '\\'))
		return true;
	begin = whole_name(body, end, &name_end);
	if (begin) {
		names_physical(parse->names, body + begin, name_end - begin, &text);
		parse_edit(parse, token->body + begin, name_end - begin, text.text);
	} else {
		str_addf(&text, "(%s)?", parse->names->suffix);
		parse_edit(parse, token->body + end, 0, text.text);
	}
	return true;
}

/* Does a LIKE pattern match the name of a shared database? Then it keeps its meaning. */
static bool is_like_shared(const struct parse *parse, size_t i)
{
	static const char *const words[] = { "like", "ilike", NULL };
	cleanup_free char *pattern = parse_value(parse, i);

	return i && parse_is_one_of(parse, i - 1, words) &&
	       names_matches_shared(pattern, strlen(pattern));
}

/* SIMILAR TO: allow the suffix at the end of the pattern. */
static bool edit_similar(struct parse *parse, size_t i)
{
	const struct token *token = parse_token(parse, i);
	cleanup_str struct str text = { 0 };

	if (i < 2 || !parse_is(parse, i - 1, "to") || !parse_is(parse, i - 2, "similar"))
		return false;
	str_addf(&text, "(%s)?", parse->names->suffix);
	parse_edit(parse, token->body + token->body_len, 0, text.text);
	return true;
}

static void map_operand(struct parse *parse, size_t i)
{
	const struct token *token = parse_token(parse, i);
	long number;

	if (parse_is_sign(parse, i + 1, "||"))
		return; /* the last part gets the suffix */
	if (token->kind == TOKEN_PARAM && !parse->depth) {
		cleanup_free char *digits = str_copy_len(parse->text + token->at + 1,
		                                         token->len - 1);

		if (str_number(digits, 1, REWRITE_PARAMS_MAX, &number)) {
			parse->result->refusal = REFUSAL_LONG;
			return;
		}
		parse->result->params |= 1ull << (number - 1);
		parse->mapped++;
	} else if (token->kind == TOKEN_DOLLAR ||
	           (parse_is_string(parse, i) && !is_like_shared(parse, i) &&
	            !edit_similar(parse, i) && !edit_pattern(parse, i))) {
		parse_edit_literal(parse, i);
	}
}

/* FROM ends a comparison, except in IS DISTINCT FROM. */
static bool ends_comparison_at(const struct parse *parse, size_t i)
{
	return parse_is_one_of(parse, i, ends_comparison) &&
	       !(parse_is(parse, i, "from") && parse_is(parse, i - 1, "distinct"));
}

/* 'x' = datname, $1::text = datname */
static void map_left_operand(struct parse *parse, size_t i)
{
	if (i < 2 || !parse_is_sign(parse, i - 1, "="))
		return;
	i -= 2;
	if (i >= 3 && parse_is_name(parse, i) && parse_is_sign(parse, i - 1, ":") &&
	    parse_is_sign(parse, i - 2, ":"))
		i -= 3;
	if (parse_is_string(parse, i) || parse_token(parse, i)->kind == TOKEN_PARAM)
		map_operand(parse, i);
}

static bool compares(const struct parse *parse, size_t i)
{
	static const char *const words[] = { "in",  "like",    "ilike",    "is",
		                             "not", "similar", "operator", NULL };
	const struct token *token = parse_token(parse, i);

	return (token->kind == TOKEN_OPERATOR && strchr("=<>!~:", parse->text[token->at])) ||
	       parse_is_one_of(parse, i, words);
}

static bool is_catalog(const struct parse *parse, size_t i)
{
	cleanup_free char *name = parse_is_name(parse, i) ? parse_value(parse, i) : NULL;

	return name && (str_starts(name, "pg_") || !strcmp(name, "information_schema"));
}

/* A user's own table may have a column datname. So the statement must read a catalog. */
static bool reads_catalog(const struct parse *parse)
{
	for (size_t i = 0; i < parse->count; i++)
		if (is_catalog(parse, i))
			return true;
	return false;
}

/* Map the argument @i, 'x' or $1, of a function that takes the name or the oid of a database. */
static void map_argument(struct parse *parse, size_t i)
{
	bool is_oid = parse_is_sign(parse, i + 1, ":") && parse_is_sign(parse, i + 2, ":") &&
	              parse_has_name(parse, i + 3, "oid");

	if (!is_oid && (parse_is_string(parse, i) || parse_token(parse, i)->kind == TOKEN_PARAM))
		map_operand(parse, i);
}

/* has_database_privilege([role,] database, privilege): the database is the second to last. */
static void map_privilege_call(struct parse *parse, size_t i, size_t end)
{
	size_t database = 0, last = i + 2;
	int depth = 0;

	if (!parse_is_sign(parse, i + 1, "("))
		return;
	for (i += 2; i < end && depth >= 0; i++) {
		depth += parse_is_sign(parse, i, "(") || parse_is_sign(parse, i, "[");
		depth -= parse_is_sign(parse, i, ")") || parse_is_sign(parse, i, "]");
		if (depth || !parse_is_sign(parse, i, ","))
			continue;
		database = last;
		last = i + 1;
	}
	if (database)
		map_argument(parse, database);
}

/* CASE datname WHEN 'x' THEN ... WHEN 'y' THEN ... END */
static void map_cases(struct parse *parse, size_t i, size_t end)
{
	for (; i < end && !parse_is(parse, i, "end"); i++)
		if (parse_is(parse, i, "when"))
			map_operand(parse, i + 1);
}

/* Is there a call whose result is unknown? Some functions leave names as they are. */
static bool computes(const struct parse *parse, size_t i)
{
	static const char *const transparent[] = {
		"in",    "any",      "some",    "all",      "array",
		"row",   "values",   "cast",    "like",     "ilike",
		"not",   "is",       "similar", "operator", "lower",
		"upper", "coalesce", "nullif",  "btrim",    "trim",
		"name",  "text",     "varchar", "char",     "current_database",
		NULL
	};

	return parse_is_name(parse, i) && parse_is_sign(parse, i + 1, "(") &&
	       !parse_has_name_of(parse, i, transparent) &&
	       !parse_is_one_of(parse, i, ends_comparison);
}

static size_t call_end(const struct parse *parse, size_t i, size_t end)
{
	int depth = 0;

	for (i++; i < end; i++) {
		depth += parse_is_sign(parse, i, "(");
		depth -= parse_is_sign(parse, i, ")");
		if (!depth)
			return i;
	}
	return end;
}

/*
 * The call @i gives a logical name, or the physical one of current_database(): the server puts the
 * suffix behind it, where it belongs. Return: the token that ends the call.
 */
static size_t map_call(struct parse *parse, size_t i, size_t end, bool equals)
{
	size_t last = call_end(parse, i, end);
	size_t first = i >= 2 && parse_is_sign(parse, i - 1, ".") && parse_is_name(parse, i - 2)
	                       ? i - 2
	                       : i;
	cleanup_str struct str after = { 0 };

	if (!equals || last == end || !parse->plain_strings)
		return last;
	str_addf(&after, ")::text,'^(?!(?:postgres|template[01]|.*%s)$)(.*)$','\\1%s')::name",
	         parse->names->suffix, parse->names->suffix);
	parse_edit(parse, parse_token(parse, first)->at, 0, "pg_catalog.regexp_replace((");
	parse_edit(parse, parse_token(parse, last)->at + 1, 0, after.text);
	return last;
}

void rewrite_comparison(struct parse *parse, size_t i, size_t end)
{
	static const char *const calls[] = { "current_database", "current_catalog",
		                             "pg_database_size", NULL };
	size_t first = i;
	bool equals, wrapped = false;
	int depth = 0;

	if (!is_catalog_column(parse, i))
		return;
	if (parse_has_name(parse, i, "has_database_privilege")) {
		map_privilege_call(parse, i, end);
		return;
	}
	if (parse_has_name(parse, i, "pg_database_size") && parse_is_sign(parse, i + 1, "("))
		map_argument(parse, i + 2);
	if (!parse_has_name_of(parse, i, calls) && !reads_catalog(parse))
		return;
	map_left_operand(parse, i);
	/* current_database() */
	i += parse_is_sign(parse, i + 1, "(") && parse_is_sign(parse, i + 2, ")") ? 2 : 0;
	if (first && parse_is(parse, first - 1, "case"))
		map_cases(parse, i + 1, end);
	/* cast(datname as text) = */
	i += parse_is(parse, i + 1, "as") && parse_is_sign(parse, i + 3, ")") ? 2 : 0;
	for (; parse_is_sign(parse, i + 1, ")"); i++) /* lower(datname) = */
		wrapped = true;
	if (parse_is(parse, i + 1, "collate"))
		i += parse_is_sign(parse, i + 3, ".") ? 4 : 2;
	if (!compares(parse, i + 1))
		return;
	equals = !wrapped &&
	         (parse_is_sign(parse, i + 1, "=") || parse_is_sign(parse, i + 1, "<>") ||
	          parse_is_sign(parse, i + 1, "!="));
	for (i++; i < end && !ends_comparison_at(parse, i); i++) {
		if (computes(parse, i))
			i = map_call(parse, i, end, equals && !depth);
		depth += parse_is_sign(parse, i, "(") || parse_is_sign(parse, i, "[");
		depth -= parse_is_sign(parse, i, ")") || parse_is_sign(parse, i, "]");
		if (depth < 0 || parse_is_sign(parse, i, ";") ||
		    (parse_is_sign(parse, i, ",") && !depth))
			return;
		map_operand(parse, i);
	}
}

/* --- catalogs that show all databases --- */

struct shared_view {
	/* condition: for the worker's own rows; %S is the suffix, %N its length */
	const char *name, *columns, *condition;
};

static const struct shared_view shared_views[] = {
	{ "pg_database", "*",
	  "datname IN ('postgres','template0','template1') OR pg_catalog.right(datname,%N)='%S'" },
	{ "pg_stat_activity", "*",
	  "pid=pg_catalog.pg_backend_pid() OR datname IS NULL OR "
	  "pg_catalog.right(datname,%N)='%S'" },
	{ "pg_stat_database", "*",
	  "datname IS NULL OR datname IN ('postgres','template0','template1') OR "
	  "pg_catalog.right(datname,%N)='%S'" },
	{ "pg_prepared_xacts",
	  "transaction, pg_catalog.left(gid,-%N) AS gid, prepared, owner, database",
	  "pg_catalog.right(database,%N)='%S'" },
	{ "pg_replication_slots", "*", "database IS NULL OR pg_catalog.right(database,%N)='%S'" },
};
static const char *const after_relation[] = {
	"where",   "join",      "left",   "right", "inner", "outer",  "cross",     "full",
	"natural", "on",        "using",  "order", "group", "having", "limit",     "offset",
	"union",   "intersect", "except", "fetch", "for",   "window", "returning", "tablesample",
	"with",    "into",      "then",   "loop",  NULL,
};

static void add_filled(struct str *out, const struct names *names, const char *form)
{
	for (; *form; form++) {
		if (*form == '%' && form[1] == 'S')
			str_add(out, names->suffix);
		else if (*form == '%')
			str_addf(out, "%zu", names->suffix_len);
		else
			str_add_len(out, form, 1);
		form += *form == '%';
	}
}

static char *own_rows(const struct parse *parse, const struct shared_view *view, bool needs_alias)
{
	struct str out = { 0 };

	str_addf(&out, "(SELECT %s", parse_mentions(parse, "tableoid") ? "tableoid, " : "");
	add_filled(&out, parse->names, view->columns);
	str_addf(&out, " FROM pg_catalog.%s WHERE ", view->name);
	add_filled(&out, parse->names, view->condition);
	str_addf(&out, ")%s%s", needs_alias ? " " : "", needs_alias ? view->name : "");
	return str_take(&out);
}

static bool in_from_list(const struct parse *parse, size_t begin, size_t first)
{
	static const char *const lead[] = { "from", "join", NULL };
	int depth = 0;

	if (parse_is_one_of(parse, first - 1, lead))
		return !parse_is(parse, begin, "delete") || first != begin + 2;
	if (!parse_is_sign(parse, first - 1, ","))
		return false;
	/* FROM a, pg_database: back to the clause that this list belongs to */
	for (size_t i = first - 1; i-- > begin;) {
		depth += parse_is_sign(parse, i, ")");
		depth -= parse_is_sign(parse, i, "(");
		if (depth < 0 || (!depth && parse_is(parse, i, "select")))
			return false;
		if (!depth && parse_is(parse, i, "from"))
			return true;
	}
	return false;
}

/* TABLE pg_database, where a query may begin; not ALTER TABLE */
static bool is_table_command(const struct parse *parse, size_t begin, size_t first)
{
	static const char *const before[] = { "union",    "all", "except", "intersect",
		                              "distinct", "as",  NULL };

	return parse_is(parse, first - 1, "table") &&
	       (first - 1 == begin || parse_is_sign(parse, first - 2, "(") ||
	        parse_is_one_of(parse, first - 2, before));
}

void rewrite_shared_relation(struct parse *parse, size_t begin, size_t i)
{
	size_t first = i >= 2 && parse_is_sign(parse, i - 1, ".") &&
	                               parse_has_name(parse, i - 2, "pg_catalog")
	                       ? i - 2
	                       : i;

	for (size_t v = 0; v < ARRAY_LEN(shared_views); v++) {
		const struct token *from = parse_token(parse, first), *to = parse_token(parse, i);
		bool alias = parse_is(parse, i + 1, "as") ||
		             (parse_is_name(parse, i + 1) &&
		              !parse_is_one_of(parse, i + 1, after_relation));
		cleanup_free char *text = NULL;
		bool whole;

		if (!parse_has_name(parse, i, shared_views[v].name) || !first)
			continue;
		/* a qualified column: the subquery in its place has no schema */
		if (parse_is_sign(parse, i + 1, "."))
			parse_edit(parse, from->at, to->at - from->at, "");
		whole = is_table_command(parse, begin, first);
		if (!whole && !in_from_list(parse, begin, first))
			continue;
		text = own_rows(parse, &shared_views[v], whole || !alias);
		parse_edit(parse, from->at, to->at + to->len - from->at, text);
		if (whole)
			parse_edit(parse, parse_token(parse, first - 1)->at, strlen("table"),
			           "SELECT * FROM");
	}
}

void rewrite_prepared_transaction(struct parse *parse, size_t begin)
{
	static const char *const ends[] = { "commit", "rollback", NULL };
	const struct token *identifier = parse_token(parse, begin + 2);

	if (!(parse_is(parse, begin, "prepare") && parse_is(parse, begin + 1, "transaction")) &&
	    !(parse_is_one_of(parse, begin, ends) && parse_is(parse, begin + 1, "prepared")))
		return;
	if (parse_is_string(parse, begin + 2))
		parse_edit(parse, identifier->body + identifier->body_len, 0, parse->names->suffix);
}
