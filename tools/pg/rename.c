/* SPDX-License-Identifier: MIT */
/*
 * What names a database, and what becomes of it:
 *
 *	CREATE, DROP, ALTER, COMMENT ON, GRANT ... ON, ... DATABASE name	the name, TEMPLATE and RENAME TO names too
 *	datname = 'x', table_catalog IN ('x'), datname = $1	the literal; of a parameter its number, for Bind
 *	pg_database_size('x'), dblink('dbname=x')		the literal
 *	FROM x.schema.table, 'x.schema.t'::regclass		the first part
 *	FROM pg_database, pg_stat_activity			the worker's own rows: other workers stay invisible
 *	DO and function bodies, EXECUTE 'ALTER DATABASE ...'	the same, inside
 *
 * Every name is mapped, so no statement can reach a neighbour's database or the original. What would alter the three shared
 * ones (postgres, template0, template1) is refused.
 *
 * The parser is a set of rules over the array of tokens, not a grammar: whatever a rule does not recognize stays as it is.
 */
#include "tools/pg/rename.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/base/cleanup.h"
#include "tools/pg/tokens.h"

enum { TOKENS_MOST = 200000, DEPTH_MOST = 4 };

static const char refused_shared[] = "this would change a database that all workers share";
static const char refused_catalog[] = "this would change the catalog entries of databases that are not this worker's";

bool rename_is_refusal(const char *message)
{
	return !strcmp(message, refused_shared) || !strcmp(message, refused_catalog);
}

struct parse {
	struct names *names;
	struct rename_result *result;
	const char *text;
	struct token *tokens;
	size_t count;
	size_t shift;		/* of an inner text: where it stands in the outer one */
	bool plain_strings;
	bool doubled;		/* inside a quoted string: quotes must be doubled */
	unsigned int depth;
	unsigned int mapped;	/* literals and parameters mapped so far */
};

/* --- the gate --- */

static const char *const gate_words[] = { "database", "datname", "_catalog", "dbname", "pg_stat_activity" };

static bool gate_at(const char *at, size_t left, const char *word)
{
	size_t len = strlen(word);

	return left >= len && !strncasecmp(at, word, len);
}

bool rename_wanted(const struct names *names, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char first = (char)(text[i] | 32);

		if (first != 'd' && text[i] != '_' && first != 'p')
			continue;
		for (size_t word = 0; word < ARRAY_LEN(gate_words); word++)
			if (gate_at(text + i, len - i, gate_words[word]))
				return true;
	}
	for (char **known = names->known; known && *known; known++)
		if (memmem(text, len, *known, strlen(*known)))
			return true;
	return names_seen(names, text, len);
}

/* --- tokens --- */

static const struct token *token_at(const struct parse *parse, size_t i)
{
	static const struct token end = { 0 };

	return i < parse->count ? &parse->tokens[i] : &end;
}

static bool is(const struct parse *parse, size_t i, const char *word)
{
	return token_is(parse->text, token_at(parse, i), word);
}

static bool is_sign(const struct parse *parse, size_t i, const char *sign)
{
	const struct token *token = token_at(parse, i);

	return token->kind == TOKEN_OPERATOR && token->len == strlen(sign) &&
	       !memcmp(parse->text + token->at, sign, token->len);
}

static bool is_one_of(const struct parse *parse, size_t i, const char *const *words)
{
	for (; *words; words++)
		if (is(parse, i, *words))
			return true;
	return false;
}

static bool is_name(const struct parse *parse, size_t i)
{
	return token_at(parse, i)->kind == TOKEN_WORD || token_at(parse, i)->kind == TOKEN_QUOTED;
}

static bool is_string(const struct parse *parse, size_t i)
{
	return token_at(parse, i)->kind == TOKEN_STRING || token_at(parse, i)->kind == TOKEN_ESTRING;
}

/* The name that a token stands for: folded, or without its quotes. */
static char *name_of(const struct parse *parse, const struct token *token)
{
	char *name = str_copy_len(parse->text + token->body, token->body_len);
	char *to = name;

	if (token->kind == TOKEN_WORD) {
		for (; *to; to++)
			*to = *to >= 'A' && *to <= 'Z' ? (char)(*to | 32) : *to;
		return name;
	}
	for (const char *from = name; *from; from++) {
		*to++ = *from;
		if (*from == '"' && from[1] == '"')
			from++;
	}
	*to = 0;
	return name;
}

/* --- edits --- */

static void edit(struct parse *parse, size_t at, size_t removed, const char *text)
{
	struct rename_result *result = parse->result;
	struct str quoted = { 0 };

	for (; *text; text++) {
		if (*text == '\'' && parse->doubled)
			str_add(&quoted, "'");
		str_add_len(&quoted, text, 1);
	}
	result->edits = mem_grow(result->edits, result->edit_count + 1, sizeof(*result->edits));
	result->edits[result->edit_count++] =
		(struct rename_edit){ .at = parse->shift + at, .removed = removed, .text = str_take(&quoted) };
	result->changed = true;
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

static void edit_name(struct parse *parse, size_t i)
{
	const struct token *token = token_at(parse, i);
	cleanup_free char *logical = name_of(parse, token);
	cleanup_str struct str physical = { 0 }, identifier = { 0 };

	names_physical(parse->names, logical, strlen(logical), &physical);
	if (!strcmp(physical.text ? physical.text : "", logical))
		return;
	add_identifier(&identifier, physical.text);
	edit(parse, token->at, token->len, identifier.text);
}

/* A literal is mapped by putting the suffix behind its content; content with quotes or escapes is nobody's database name. */
static void edit_literal(struct parse *parse, size_t i)
{
	const struct token *token = token_at(parse, i);
	const char *body = parse->text + token->body;
	cleanup_str struct str physical = { 0 };

	parse->mapped++;
	if (!token->body_len || memchr(body, '\'', token->body_len) ||
	    (token->kind == TOKEN_ESTRING && memchr(body, '\\', token->body_len)))
		return;
	if (memchr(body, '%', token->body_len))
		return; /* a LIKE pattern that ends openly: the physical name begins with the logical one */
	names_physical(parse->names, body, token->body_len, &physical);
	if (physical.len != token->body_len || memcmp(physical.text, body, physical.len))
		edit(parse, token->body, token->body_len, physical.text);
}

/* --- DATABASE statements --- */

struct database_rule {
	const char *verb;	/* first word */
	const char *lead;	/* the word before DATABASE; NULL = the verb itself */
	bool harmless;		/* may name a shared database */
	bool list;		/* a, b, c */
};

static const struct database_rule database_rules[] = {
	{ "create", NULL, false, false },   { "drop", NULL, false, false },    { "alter", NULL, false, false },
	{ "comment", "on", false, false },  { "security", "on", false, false }, { "grant", "on", false, true },
	{ "revoke", "on", false, true },    { "alter", "in", false, false },   { "reindex", NULL, true, false },
	{ "reindex", ")", true, false },
};

static size_t skip_words(const struct parse *parse, size_t i)
{
	static const char *const words[] = { "if", "exists", "not", "concurrently", NULL };

	while (is_one_of(parse, i, words) && is_name(parse, i + 1))
		i++;
	return i;
}

/* Map the name at @i, or refuse a shared one. */
static void map_database(struct parse *parse, size_t i, bool harmless)
{
	cleanup_free char *name = NULL;

	if (!is_name(parse, i))
		return;
	name = name_of(parse, token_at(parse, i));
	if (names_shared(name, strlen(name)) && !harmless)
		parse->result->refused = refused_shared;
	edit_name(parse, i);
}

static void learn_name(struct parse *parse, size_t i)
{
	cleanup_free char *name = is_name(parse, i) ? name_of(parse, token_at(parse, i)) : NULL;

	if (name && !names_seen(parse->names, name, strlen(name)))
		names_learn(parse->names, name, strlen(name));
}

/* Behind the name: TEMPLATE [=] other of CREATE, RENAME TO other of ALTER. */
static void map_other_names(struct parse *parse, size_t i, size_t end)
{
	for (; i < end; i++) {
		if (is(parse, i, "template") && is_sign(parse, i + 1, "="))
			map_database(parse, i + 2, true);
		else if (is(parse, i, "template") && is_name(parse, i + 1))
			map_database(parse, i + 1, true);
		if (is(parse, i, "rename") && is(parse, i + 1, "to")) {
			learn_name(parse, i + 2);
			map_database(parse, i + 2, false);
		}
	}
}

static void apply_database_rule(struct parse *parse, const struct database_rule *rule, size_t begin, size_t at, size_t end)
{
	size_t i = skip_words(parse, at + 1);
	bool ddl = at == begin + 1 && !rule->list && !rule->harmless;

	if (is(parse, begin, "create"))
		learn_name(parse, i);
	map_database(parse, i, rule->harmless);
	while (rule->list && is_sign(parse, i + 1, ",") && i + 2 < end)
		map_database(parse, i += 2, rule->harmless);
	if (ddl)
		map_other_names(parse, i + 1, end);
}

static void database_statement(struct parse *parse, size_t begin, size_t end)
{
	for (size_t at = begin + 1; at < end; at++) {
		if (!is(parse, at, "database") || !is_name(parse, at + 1))
			continue;
		for (size_t r = 0; r < ARRAY_LEN(database_rules); r++) {
			const struct database_rule *rule = &database_rules[r];
			bool led = rule->lead ? is(parse, at - 1, rule->lead) || is_sign(parse, at - 1, rule->lead) :
						at == begin + 1;

			if (!led || !is(parse, begin, rule->verb))
				continue;
			apply_database_rule(parse, rule, begin, at, end);
			return;
		}
	}
}

/* --- comparisons --- */

static const char *const catalog_columns[] = {
	"datname", "table_catalog", "catalog_name", "constraint_catalog", "specific_catalog", "routine_catalog",
	"trigger_catalog", "event_object_catalog", "sequence_catalog", "domain_catalog", "udt_catalog", "view_catalog",
	"unique_constraint_catalog", "current_catalog", "current_database", "pg_database_size", "has_database_privilege", NULL,
};
static const char *const ends_comparison[] = { "and", "or", "then", "select", "from", "order", "group", "limit", "union",
					       "when", "else", "end", "where", "on", "join", NULL };

static bool catalog_column(const struct parse *parse, size_t i)
{
	cleanup_free char *name = NULL;

	if (is_one_of(parse, i, catalog_columns))
		return true;
	if (token_at(parse, i)->kind != TOKEN_QUOTED)
		return false;
	name = name_of(parse, token_at(parse, i));
	return strv_has((char *const *)catalog_columns, name);
}

/* '^(x)$', as psql asks for \l x and pg_dump for its patterns: the suffix goes before the end of the name. */
static bool edit_pattern(struct parse *parse, size_t i)
{
	const struct token *token = token_at(parse, i);
	const char *body = parse->text + token->body;
	cleanup_str struct str physical = { 0 };
	size_t inner = token->body_len > 4 ? token->body_len - 4 : 0;

	if (!inner || memcmp(body, "^(", 2) || memcmp(body + token->body_len - 2, ")$", 2))
		return false;
	for (size_t j = 0; j < inner; j++)
		if (strchr(".*+?[]{}()|\\^$'", body[2 + j]))
			return true; /* open on purpose: leave it */
	names_physical(parse->names, body + 2, inner, &physical);
	edit(parse, token->body + 2, inner, physical.text);
	return true;
}

static void map_operand(struct parse *parse, size_t i)
{
	const struct token *token = token_at(parse, i);
	long number;

	if (token->kind == TOKEN_PARAM) {
		cleanup_free char *digits = str_copy_len(parse->text + token->at + 1, token->len - 1);

		if (!str_number(digits, 1, RENAME_PARAMS_MOST, &number) && !parse->depth) {
			parse->result->params |= 1ull << (number - 1);
			parse->mapped++;
		}
	} else if (is_string(parse, i) && !edit_pattern(parse, i)) {
		edit_literal(parse, i);
	}
}

static bool compares(const struct parse *parse, size_t i)
{
	static const char *const words[] = { "in", "like", "ilike", "is", "not", "similar", "operator", NULL };
	const struct token *token = token_at(parse, i);

	return (token->kind == TOKEN_OPERATOR && strchr("=<>!~:", parse->text[token->at])) || is_one_of(parse, i, words);
}

/* A column of a user's own table may be called datname as well: the statement must read a catalog. */
static bool reads_catalog(const struct parse *parse)
{
	for (size_t i = 0; i < parse->count; i++)
		if (parse->tokens[i].kind == TOKEN_WORD &&
		    (gate_at(parse->text + parse->tokens[i].at, parse->tokens[i].len, "pg_") ||
		     is(parse, i, "information_schema")))
			return true;
	return false;
}

/* has_database_privilege([role,] database, privilege): the database is the last but one. */
static void map_privilege_call(struct parse *parse, size_t i, size_t end)
{
	size_t last = 0, before = 0;

	for (i += 2; i < end && !is_sign(parse, i, ")"); i++) {
		if (!is_string(parse, i) && token_at(parse, i)->kind != TOKEN_PARAM)
			continue;
		before = last;
		last = i;
	}
	if (before)
		map_operand(parse, before);
}

/* From a catalog column to the end of its comparison every literal is a database name. */
static void comparison(struct parse *parse, size_t i, size_t end)
{
	static const char *const calls[] = { "current_database", "current_catalog", "pg_database_size", NULL };
	int depth = 0;

	if (is(parse, i, "has_database_privilege")) {
		map_privilege_call(parse, i, end);
		return;
	}
	if (is(parse, i, "pg_database_size") && is_sign(parse, i + 1, "("))
		map_operand(parse, i + 2);
	if (!is_one_of(parse, i, calls) && !reads_catalog(parse))
		return;
	if (i >= 2 && is_sign(parse, i - 1, "=") && (is_string(parse, i - 2) || token_at(parse, i - 2)->kind == TOKEN_PARAM))
		map_operand(parse, i - 2);
	i += is_sign(parse, i + 1, "(") && is_sign(parse, i + 2, ")") ? 2 : 0; /* current_database() */
	while (is_sign(parse, i + 1, ")")) /* lower(datname) = */
		i++;
	if (!compares(parse, i + 1))
		return;
	for (i++; i < end && !is_one_of(parse, i, ends_comparison); i++) {
		depth += is_sign(parse, i, "(") || is_sign(parse, i, "[");
		depth -= is_sign(parse, i, ")") || is_sign(parse, i, "]");
		if (depth < 0 || is_sign(parse, i, ";") || (is_sign(parse, i, ",") && !depth))
			return;
		map_operand(parse, i);
	}
}

/* --- catalogs that show everybody's databases --- */

struct shared_view {
	const char *name, *mine;	/* mine: condition on its rows; %S = the suffix, %N its length */
};

static const struct shared_view shared_views[] = {
	{ "pg_database", "datname IN ('postgres','template0','template1') OR pg_catalog.right(datname,%N)='%S'" },
	{ "pg_stat_activity", "pid=pg_catalog.pg_backend_pid() OR datname IS NULL OR pg_catalog.right(datname,%N)='%S'" },
	{ "pg_stat_database", "datname IS NULL OR datname IN ('postgres','template0','template1') OR "
			      "pg_catalog.right(datname,%N)='%S'" },
};
static const char *const after_relation[] = {
	"where", "join", "left", "right", "inner", "outer", "cross", "full", "natural", "on", "using", "order", "group",
	"having", "limit", "offset", "union", "intersect", "except", "fetch", "for", "window", "returning", "tablesample", NULL,
};

static bool mentions(const struct parse *parse, const char *word)
{
	for (size_t i = 0; i < parse->count; i++)
		if (is(parse, i, word))
			return true;
	return false;
}

static char *own_rows(const struct parse *parse, const struct shared_view *view, bool needs_alias)
{
	struct str out = { 0 };
	bool tableoid = mentions(parse, "tableoid");

	str_addf(&out, "(SELECT %s* FROM pg_catalog.%s WHERE ", tableoid ? "tableoid, " : "", view->name);
	for (const char *at = view->mine; *at; at++) {
		if (*at == '%' && at[1] == 'S')
			str_add(&out, parse->names->suffix);
		else if (*at == '%')
			str_addf(&out, "%zu", parse->names->suffix_len);
		else
			str_add_len(&out, at, 1);
		at += *at == '%';
	}
	str_addf(&out, ")%s%s", needs_alias ? " " : "", needs_alias ? view->name : "");
	return str_take(&out);
}

static bool in_from_list(const struct parse *parse, size_t begin, size_t first)
{
	static const char *const lead[] = { "from", "join", NULL };
	int depth = 0;

	if (is_one_of(parse, first - 1, lead))
		return !is(parse, begin, "delete") || first != begin + 2;
	if (!is_sign(parse, first - 1, ","))
		return false;
	for (size_t i = first - 1; i-- > begin;) { /* FROM a, pg_database: back to the clause that this list belongs to */
		depth += is_sign(parse, i, ")");
		depth -= is_sign(parse, i, "(");
		if (depth < 0 || (!depth && is(parse, i, "select")))
			return false;
		if (!depth && is(parse, i, "from"))
			return true;
	}
	return false;
}

static void shared_relation(struct parse *parse, size_t begin, size_t i)
{
	size_t first = i >= 2 && is_sign(parse, i - 1, ".") && is(parse, i - 2, "pg_catalog") ? i - 2 : i;

	for (size_t v = 0; v < ARRAY_LEN(shared_views); v++) {
		const struct token *from = token_at(parse, first), *to = token_at(parse, i);
		bool alias = is(parse, i + 1, "as") || (is_name(parse, i + 1) && !is_one_of(parse, i + 1, after_relation));
		cleanup_free char *text = NULL;

		if (!is(parse, i, shared_views[v].name) || !first || !in_from_list(parse, begin, first))
			continue;
		text = own_rows(parse, &shared_views[v], !alias);
		edit(parse, from->at, to->at + to->len - from->at, text);
	}
}

/* --- names with three parts --- */

static void three_parts(struct parse *parse, size_t i)
{
	static const char *const before[] = { "from", "join", "into", "update", "table", "only", "on", "exists", "view",
					      "references", "copy", "truncate", "index", NULL };
	cleanup_free char *name = NULL;

	if (!i || !is_one_of(parse, i - 1, before) || !is_name(parse, i) || !is_sign(parse, i + 1, ".") ||
	    !is_name(parse, i + 2) || !is_sign(parse, i + 3, ".") || !is_name(parse, i + 4))
		return;
	name = name_of(parse, token_at(parse, i));
	if (names_known(parse->names, name, strlen(name)))
		edit_name(parse, i);
}

/* 'x.public.t'::regclass */
static void three_parts_literal(struct parse *parse, size_t i)
{
	const struct token *token = token_at(parse, i);
	const char *body = parse->text + token->body;
	const char *dot = memchr(body, '.', token->body_len);
	size_t len = dot ? (size_t)(dot - body) : 0;
	bool bare = len && *body != '"';
	cleanup_str struct str physical = { 0 };

	if (!dot || !memchr(dot + 1, '.', token->body_len - len - 1) || len < 2 || !is_string(parse, i))
		return;
	if (!(is_sign(parse, i + 1, ":") && is_sign(parse, i + 2, ":") && is(parse, i + 3, "regclass")) &&
	    !(i >= 2 && is(parse, i - 2, "to_regclass")))
		return;
	body += bare ? 0 : 1;
	len -= bare ? 0 : 2;
	if (!names_known(parse->names, body, len))
		return;
	names_physical(parse->names, body, len, &physical);
	edit(parse, (size_t)(body - parse->text), len, physical.text);
}

/* --- strings that hold connection strings or SQL --- */

/* Elsewhere a string with dbname= in it is data. */
static bool may_connect(const struct parse *parse)
{
	for (size_t i = 0; i < parse->count; i++)
		if (parse->tokens[i].kind == TOKEN_WORD &&
		    (gate_at(parse->text + parse->tokens[i].at, parse->tokens[i].len, "dblink") ||
		     is(parse, i, "subscription") || is(parse, i, "server")))
			return true;
	return false;
}

/* dbname=x inside a connection string, or OPTIONS (dbname 'x') */
static void connection_string(struct parse *parse, size_t i)
{
	const struct token *token = token_at(parse, i);
	const char *body = parse->text + token->body, *end = body + token->body_len;
	const char *at = memmem(body, token->body_len, "dbname=", 7);
	cleanup_str struct str physical = { 0 };
	size_t len = 0;

	if ((!at && !(i && is(parse, i - 1, "dbname"))) || !may_connect(parse))
		return;
	if (!at) {
		edit_literal(parse, i);
		return;
	}
	at += 7;
	while (at + len < end && !strchr(" '\\\t\n", at[len]))
		len++;
	if (!len)
		return;
	names_physical(parse->names, at, len, &physical);
	edit(parse, (size_t)(at - parse->text), len, physical.text);
}

static void parse_text(struct parse *parse, const char *text, size_t len);

/* An inner text is parsed by the same rules; its edits land in the outer list. */
static void inner_text(struct parse *parse, const struct token *token)
{
	struct parse inner = { .names = parse->names, .result = parse->result, .plain_strings = parse->plain_strings,
			       .shift = parse->shift + token->body, .depth = parse->depth + 1,
			       .doubled = parse->doubled || token->kind != TOKEN_DOLLAR };

	if (parse->depth < DEPTH_MOST && rename_wanted(parse->names, parse->text + token->body, token->body_len))
		parse_text(&inner, parse->text + token->body, token->body_len);
	parse->mapped += inner.mapped;
}

/* A string that begins like a statement about databases: EXECUTE 'ALTER DATABASE x ...'. */
static bool holds_statement(const struct parse *parse, const struct token *token)
{
	static const char *const verbs[] = { "create ", "drop ", "alter ", "comment ", "grant ", "revoke ", "reindex " };
	const char *body = parse->text + token->body;

	if (memchr(body, '\'', token->body_len) || !memmem(body, token->body_len, " ", 1))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (gate_at(body, token->body_len, verbs[i]))
			return true;
	return false;
}

/* --- all of it --- */

/* DO, CREATE FUNCTION, CREATE PROCEDURE: their strings are programs. What is inside a program may be one again. */
static bool holds_program(const struct parse *parse, size_t begin)
{
	static const char *const kinds[] = { "function", "procedure", NULL };
	size_t kind = is(parse, begin + 1, "or") ? begin + 3 : begin + 1;

	return is(parse, begin, "do") || (is(parse, begin, "create") && is_one_of(parse, kind, kinds));
}

static void string_token(struct parse *parse, size_t begin, size_t i)
{
	const struct token *token = token_at(parse, i);
	bool program = holds_program(parse, begin) && i > begin && !is(parse, i - 1, "language");

	if (token->kind != TOKEN_DOLLAR && !is_string(parse, i))
		return;
	if (parse->depth ? token->kind == TOKEN_DOLLAR || holds_statement(parse, token) : program) {
		inner_text(parse, token);
		return;
	}
	if (token->kind == TOKEN_DOLLAR)
		return;
	connection_string(parse, i);
	three_parts_literal(parse, i);
}

/* In a body that executes statements made at run time, the bare name of a known database is an argument of format(). */
static void argument_of_dynamic(struct parse *parse, size_t i)
{
	const struct token *token = token_at(parse, i);

	if (parse->depth && is_string(parse, i) && is_sign(parse, i - 1, ",") &&
	    names_known(parse->names, parse->text + token->body, token->body_len) && mentions(parse, "format"))
		edit_literal(parse, i);
}

static void parse_statement(struct parse *parse, size_t begin, size_t end)
{
	unsigned int mapped = parse->mapped;

	database_statement(parse, begin, end);
	for (size_t i = begin; i < end; i++) {
		if (catalog_column(parse, i))
			comparison(parse, i, end);
		string_token(parse, begin, i);
		argument_of_dynamic(parse, i);
		three_parts(parse, i);
		shared_relation(parse, begin, i);
	}
	if ((is(parse, begin, "update") || is(parse, begin, "delete")) && parse->mapped == mapped &&
	    (is(parse, begin + 1, "pg_database") || is(parse, begin + 2, "pg_database") || is(parse, begin + 3, "pg_database") ||
	     is(parse, begin + 4, "pg_database")))
		parse->result->refused = refused_catalog;
}

static size_t statement_end(const struct parse *parse, size_t i)
{
	while (i < parse->count && !is_sign(parse, i, ";"))
		i++;
	return i;
}

/* In PL/pgSQL a statement may also begin behind these. */
static size_t inner_begin(const struct parse *parse, size_t begin, size_t end)
{
	static const char *const verbs[] = { "create", "drop", "alter", "comment", "grant", "revoke", "update", "delete", NULL };

	for (size_t i = begin; parse->depth && i < end; i++)
		if (is_one_of(parse, i, verbs))
			return i;
	return begin;
}

static void parse_text(struct parse *parse, const char *text, size_t len)
{
	struct tokens tokens = { .text = text, .len = len, .plain_strings = parse->plain_strings };
	size_t room = 64;

	parse->text = text;
	parse->tokens = mem_grow(NULL, room, sizeof(*parse->tokens));
	while (parse->count < TOKENS_MOST) {
		struct token token = token_next(&tokens);

		if (token.kind == TOKEN_END)
			break;
		if (parse->count == room)
			parse->tokens = mem_grow(parse->tokens, room *= 2, sizeof(*parse->tokens));
		parse->tokens[parse->count++] = token;
	}
	for (size_t begin = 0, end; begin < parse->count; begin = end + 1) {
		end = statement_end(parse, begin);
		parse_statement(parse, inner_begin(parse, begin, end), end);
	}
	free(parse->tokens);
	parse->tokens = NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct rename_edit *one = a, *two = b;

	return one->at < two->at ? -1 : one->at > two->at;
}

/* Edits come in the order of the rules; two rules may have found the same name. */
static void apply(struct rename_result *result, const char *text, size_t len)
{
	struct str out = { 0 };
	size_t at = 0;
	unsigned int kept = 0;

	qsort(result->edits, result->edit_count, sizeof(*result->edits), by_place);
	for (unsigned int i = 0; i < result->edit_count; i++) {
		struct rename_edit *one = &result->edits[i];

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

void rename_statement(struct names *names, const char *text, size_t len, bool plain_strings,
		      struct rename_result *ret_result)
{
	struct parse parse = { .names = names, .result = ret_result, .plain_strings = plain_strings };

	*ret_result = (struct rename_result){ 0 };
	parse_text(&parse, text, len);
	if (ret_result->changed)
		apply(ret_result, text, len);
}

void rename_free(struct rename_result *result)
{
	for (unsigned int i = 0; i < result->edit_count; i++)
		free(result->edits[i].text);
	free(result->edits);
	free(result->text);
	*result = (struct rename_result){ 0 };
}

static size_t characters(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

size_t rename_position(const struct rename_result *result, const char *original, size_t position)
{
	size_t old_at = 0, new_chars = 0, old_chars = 0; /* behind the edits passed so far */

	for (unsigned int i = 0; i < result->edit_count; i++) {
		const struct rename_edit *one = &result->edits[i];
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
	return old_chars + (position - new_chars);
}
