/* SPDX-License-Identifier: MIT */
/*
 * Names where the server gives them. In the worker's statements current_database() gives the
 * logical name, and a catalog of all databases or sessions is read through a subquery: it gives
 * logical names, and the rows of this worker and of the shared databases only. So comparisons,
 * parameters, variables and computations need no rule (docs/decisions/058).
 *
 * The subqueries take the suffix from the physical name of the current database. All suffixes are
 * equally long, so a view or a function that the setup's worker stored is right in the others.
 *
 * Where the server needs a name, it gets the physical one: arguments of pg_database_size() and
 * has_database_privilege(). A session can be ended only if it is the worker's.
 */
#include "tools/db/sql/forms.h"

#include <string.h>

#define DATNAME "'datname'," LOGICAL("berth_b.datname")

struct shared_relation {
	const char *name;
	const char *changed; /* columns with other values: 'name',value,...; NULL = none */
	const char *condition;
};

static const struct shared_relation shared_relations[] = {
	{ "pg_database", DATNAME, OWN_OR_SHARED("berth_b.datname") },
	{ "pg_stat_activity", DATNAME,
	  "berth_b.pid=pg_catalog.pg_backend_pid() OR " OWN_NAME(
		  "berth_b.datname") " OR (berth_b.datname IS NULL AND "
	                             "berth_b.backend_type<>'walsender')" },
	/* the sessions in a shared database are not the worker's */
	{ "pg_stat_database",
	  DATNAME ",'numbackends',CASE WHEN " OWN_NAME(
		  "berth_b.datname") " THEN berth_b.numbackends ELSE "
	                             "(berth_b.datname=pg_catalog.current_database())::int END",
	  OWN_OR_NONE("berth_b.datname") },
	{ "pg_stat_database_conflicts", DATNAME, OWN_OR_SHARED("berth_b.datname") },
	{ "pg_stat_progress_analyze", DATNAME, OWN_NAME("berth_b.datname") },
	{ "pg_stat_progress_cluster", DATNAME, OWN_NAME("berth_b.datname") },
	{ "pg_stat_progress_copy", DATNAME, OWN_NAME("berth_b.datname") },
	{ "pg_stat_progress_create_index", DATNAME, OWN_NAME("berth_b.datname") },
	{ "pg_stat_progress_vacuum", DATNAME, OWN_NAME("berth_b.datname") },
	{ "pg_stat_progress_basebackup", NULL, "berth_b.pid IN " OWN_PIDS },
	{ "pg_stat_ssl", NULL, "berth_b.pid IN " OWN_PIDS },
	{ "pg_stat_gssapi", NULL, "berth_b.pid IN " OWN_PIDS },
	{ "pg_stat_replication", NULL, "berth_b.pid IN " OWN_PIDS },
	{ "pg_locks", NULL,
	  "berth_b.pid IN " OWN_PIDS " OR (berth_b.pid IS NULL AND berth_b.database IN " OWN_OIDS
	  ")" },
	{ "pg_prepared_xacts",
	  "'gid',pg_catalog.left(berth_b.gid,-%N),'database'," LOGICAL("berth_b.database"),
	  OWN_NAME("berth_b.database") },
	{ "pg_replication_slots", "'database'," LOGICAL("berth_b.database"),
	  OWN_OR_NONE("berth_b.database") },
	{ "pg_shdescription", NULL,
	  "berth_b.classoid<>'pg_catalog.pg_database'::pg_catalog.regclass OR berth_b.objoid "
	  "IN " OWN_OIDS },
	/* berth.* is the record of the owner: tools/db/rename/admin.h */
	{ "pg_db_role_setting",
	  "'setconfig',(SELECT pg_catalog.array_agg(berth_s) FROM "
	  "pg_catalog.unnest(berth_b.setconfig) berth_s WHERE "
	  "berth_s NOT LIKE 'berth.%%')",
	  "berth_b.setdatabase=0 OR (berth_b.setdatabase IN " OWN_OIDS " AND EXISTS (SELECT FROM "
	  "pg_catalog.unnest(berth_b.setconfig) berth_s WHERE berth_s NOT LIKE 'berth.%%'))" },
};

static const struct shared_relation shared_functions[] = {
	{ "pg_stat_get_activity", NULL, "berth_b.pid IN " OWN_PIDS },
	{ "pg_stat_get_wal_senders", NULL, "berth_b.pid IN " OWN_PIDS },
	{ "pg_stat_get_progress_info", NULL, "berth_b.pid IN " OWN_PIDS },
	{ "pg_lock_status", NULL,
	  "berth_b.pid IN " OWN_PIDS " OR (berth_b.pid IS NULL AND berth_b.database IN " OWN_OIDS
	  ")" },
	{ "pg_prepared_xact", NULL, "berth_b.dbid IN " OWN_OIDS },
	{ "pg_get_replication_slots", NULL,
	  "berth_b.datoid IS NULL OR berth_b.datoid IN " OWN_OIDS },
};

/* --- places --- */

/* UPDATE x, DELETE FROM x, where @first is x or ONLY in front of it */
static bool is_changed(const struct parse *parse, size_t first)
{
	return first && (parse_is(parse, first - 1, "update") ||
	                 (first >= 2 && parse_is(parse, first - 1, "from") &&
	                  parse_is(parse, first - 2, "delete")));
}

/* May a relation of a query stand at @first? Brackets around a join, ONLY, LATERAL are skipped. */
static bool is_source(const struct parse *parse, size_t begin, size_t first)
{
	static const char *const lead[] = { "from", "join", "using", NULL };
	static const char *const before_bracket[] = { "from", "join", "only", NULL };

	while (first > begin + 1 &&
	       (parse_is(parse, first - 1, "lateral") || parse_is(parse, first - 1, "only") ||
	        (parse_is_sign(parse, first - 1, "(") &&
	         (!parse_is_name(parse, first - 2) ||
	          parse_is_one_of(parse, first - 2, before_bracket)))))
		first--;
	if (parse_is_one_of(parse, first - 1, lead))
		return !is_changed(parse, first);
	return parse_is_sign(parse, first - 1, ",") && parse_in_from_list(parse, first - 1);
}

/* TABLE pg_database, where a query may begin; not ALTER TABLE */
static bool is_table_command(const struct parse *parse, size_t begin, size_t first)
{
	static const char *const before[] = { "union",    "all", "except", "intersect",
		                              "distinct", "as",  NULL };

	first -= parse_is(parse, first - 1, "only");
	return first && parse_is(parse, first - 1, "table") &&
	       (first - 1 == begin || parse_is_sign(parse, first - 2, "(") ||
	        parse_is_one_of(parse, first - 2, before));
}

static bool has_alias(const struct parse *parse, size_t i)
{
	static const char *const others[] = {
		"where",  "join",   "left",    "right",  "inner",     "outer",
		"cross",  "full",   "natural", "on",     "using",     "order",
		"group",  "having", "limit",   "offset", "union",     "intersect",
		"except", "fetch",  "for",     "window", "returning", "tablesample",
		"with",   "into",   "then",    "loop",   NULL,
	};

	return parse_is(parse, i, "as") ||
	       (parse_is_name(parse, i) && !parse_is_one_of(parse, i, others));
}

/* --- relations --- */

/* (SELECT ... FROM @first to @last of the text WHERE condition) [alias] */
static void restrict_source(struct parse *parse, const struct shared_relation *relation,
                            size_t first, size_t last, bool needs_alias)
{
	cleanup_str struct str before = { 0 }, after = { 0 };
	const char *oid = parse_mentions(parse, "tableoid") ? "berth_b.tableoid, " : "";

	str_addf(&before, "(SELECT %s%s.* FROM ", oid, relation->changed ? "berth_r" : "berth_b");
	str_add(&after, " berth_b");
	if (relation->changed)
		str_addf(&after,
		         ", LATERAL pg_catalog.jsonb_populate_record(berth_b, "
		         "pg_catalog.jsonb_build_object(%s)) berth_r",
		         relation->changed);
	str_addf(&after, " WHERE %s)%s%s", relation->condition, needs_alias ? " " : "",
	         needs_alias ? relation->name : "");
	form_enclose(parse, parse_token(parse, first)->at, before.text,
	             parse_token_end(parse, last), after.text);
}

/* ONLY x, ONLY (x), x *: a subquery takes none of these signs. */
static void drop_only(struct parse *parse, size_t *first_io, size_t *last_io)
{
	size_t first = *first_io, last = *last_io;
	bool brackets = parse_is_sign(parse, first - 1, "(") && first >= 2 &&
	                parse_is(parse, first - 2, "only") && parse_is_sign(parse, last + 1, ")");

	if (brackets) {
		parse_edit(parse, parse_token(parse, first - 1)->at, 1, "");
		parse_edit(parse, parse_token(parse, last + 1)->at, 1, "");
		*last_io = last + 1;
		first--;
	}
	if (parse_is(parse, first - 1, "only")) {
		parse_edit(parse, parse_token(parse, first - 1)->at, strlen("only"), "");
		*first_io = first - 1;
	} else if (parse_is_sign(parse, last + 1, "*")) {
		parse_edit(parse, parse_token(parse, last + 1)->at, 1, "");
		*last_io = last + 1;
	}
}

/*
 * UPDATE or DELETE of the catalog @i itself: of the worker's own rows, and only with WHERE. There,
 * datname is the logical name.
 */
static void rewrite_change(struct parse *parse, size_t i, size_t end)
{
	size_t where = 0, last = end;
	cleanup_free char *target = NULL;
	cleanup_str struct str before = { 0 }, form = { 0 }, column = { 0 };
	int depth = 0;

	for (size_t at = i; at < end; at++) {
		depth += parse_is_sign(parse, at, "(");
		depth -= parse_is_sign(parse, at, ")");
		if (!depth && parse_is(parse, at, "where"))
			where = at;
		else if (!depth && parse_is(parse, at, "returning"))
			last = at;
	}
	if (!where || !parse_has_name(parse, i, "pg_database")) {
		parse->result->refusal = REFUSAL_CATALOG;
		return;
	}
	i += parse_is(parse, i + 1, "as") ? 2 : 1;
	target = parse_is(parse, i, "set") || i == where ? str_copy("pg_database")
	                                                 : parse_value(parse, i);
	str_addf(&before, " pg_catalog.right(%s.datname,%%N)=%%S AND (", target);
	form_enclose(parse, parse_token_end(parse, where), before.text,
	             parse_token_end(parse, last - 1), ")");
	str_addf(&form,
	         "(CASE%%C%s.datname;WHEN pg_catalog.right(%s.datname,%%N)=%%S THEN "
	         "pg_catalog.left(%s.datname,-%%N)::pg_catalog.name ELSE %s.datname END)",
	         target, target, target, target);
	form_add(&column, parse, form.text);
	for (size_t at = where + 1; at < last; at++) {
		size_t first = parse_token(parse, parse_qualified_begin(parse, at))->at;

		if (parse_has_name(parse, at, "datname"))
			parse_edit(parse, first, parse_token_end(parse, at) - first, column.text);
	}
}

static void rewrite_relation(struct parse *parse, const struct shared_relation *relation,
                             size_t begin, size_t i, size_t end)
{
	size_t first = parse_qualified_begin(parse, i), place = first, last = i, next;
	bool is_function = relation >= shared_functions &&
	                   relation < shared_functions + ARRAY_LEN(shared_functions);
	bool is_table;

	if (!first)
		return;
	/* a qualified column: the subquery in its place has no schema */
	if (parse_is_sign(parse, i + 1, ".")) {
		parse_edit(parse, parse_token(parse, first)->at,
		           parse_token(parse, i)->at - parse_token(parse, first)->at, "");
		return;
	}
	if (is_function)
		last = parse_is_sign(parse, i + 1, "(") ? parse_closing(parse, i + 1, end) : end;
	if (last == end)
		return;
	if (is_changed(parse, first - parse_is(parse, first - 1, "only"))) {
		rewrite_change(parse, i, end);
		return;
	}
	is_table = is_table_command(parse, begin, first);
	if (is_table || is_source(parse, begin, first)) {
		next = last;
		drop_only(parse, &place, &next);
		restrict_source(parse, relation, first, last,
		                is_table || !has_alias(parse, next + 1));
		if (is_table)
			parse_edit(parse, parse_token(parse, place - 1)->at, strlen("table"),
			           "SELECT * FROM");
	} else if (is_function || (parse_is(parse, begin, "copy") && first == begin + 1)) {
		parse->result->refusal = REFUSAL_SESSIONS;
	}
}

/* --- the name of the current database --- */

/* Is a column named after the expression? Elsewhere, a subquery may be forbidden. */
static bool names_columns(const struct parse *parse, size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i++)
		if (parse_is(parse, i, "select") || parse_is(parse, i, "returning"))
			return true;
	return false;
}

static void rewrite_current(struct parse *parse, size_t begin, size_t i, size_t end)
{
	bool is_call = parse_is_sign(parse, i + 1, "(") && parse_is_sign(parse, i + 2, ")");
	const char *name = parse_has_name(parse, i, "current_database") ? "current_database"
	                                                                : "current_catalog";
	size_t first = parse_qualified_begin(parse, i), last = is_call ? i + 2 : i;
	cleanup_str struct str value = { 0 }, text = { 0 };

	if (!parse_is_own(parse) || is_call != (*name == 'c' && name[8] == 'd') ||
	    (!is_call && (!parse_is(parse, i, name) || first != i)) ||
	    (first && (parse_is(parse, first - 1, "function") || parse_is(parse, first - 1, "as"))))
		return;
	str_add(&value, "pg_catalog.name(");
	if (names_is_cut(parse->names, parse->database))
		form_add_quoted(&value, parse->database);
	else
		form_add(&value, parse, "pg_catalog.left(pg_catalog.current_database(),-%N)");
	str_add(&value, ")");
	if (first && is_source(parse, begin, first)) /* a function in FROM names its column */
		str_addf(&text, "%s%s%s", value.text, has_alias(parse, last + 1) ? "" : " ",
		         has_alias(parse, last + 1) ? "" : name);
	else if (names_columns(parse, begin, end))
		str_addf(&text, "(SELECT %s AS %s)", value.text, name);
	else
		str_add(&text, value.text);
	parse_edit(parse, parse_token(parse, first)->at,
	           parse_token_end(parse, last) - parse_token(parse, first)->at, text.text);
}

/* --- columns of information_schema --- */

static bool is_operator(const struct parse *parse, size_t i)
{
	static const char *const words[] = { "in",      "like",     "ilike",   "is",      "not",
		                             "similar", "operator", "between", "collate", NULL };
	const struct token *token = parse_token(parse, i);

	return (token->kind == TOKEN_OPERATOR && strchr("=<>!~|", parse->text[token->at])) ||
	       parse_is_one_of(parse, i, words);
}

static bool is_concatenation(const struct parse *parse, size_t i)
{
	const struct token *token = parse_token(parse, i);

	return token->kind == TOKEN_OPERATOR && parse->text[token->at] == '|';
}

/* Is token @i in the brackets of a call, an argument of a function? */
static bool is_argument(const struct parse *parse, size_t begin, size_t i)
{
	static const char *const others[] = { "using",  "by",   "over", "and", "or",
		                              "where",  "on",   "not",  "in",  "as",
		                              "values", "from", "join", NULL };
	size_t open = parse_opening(parse, begin, i);

	return open != PARSE_NONE && open > begin && parse_is_sign(parse, open, "(") &&
	       parse->places[i].clause != CLAUSE_SELECT && parse_is_name(parse, open - 1) &&
	       !parse_is_one_of(parse, open - 1, others);
}

/*
 * These columns hold the physical name. It is made logical where the server computes with it; in a
 * row it becomes logical on the way to the client.
 */
static void rewrite_catalog_column(struct parse *parse, size_t begin, size_t i)
{
	size_t first = parse_qualified_begin(parse, i), next = i + 1;
	bool is_operand, is_concatenated;

	if (!parse_is_own(parse) || !parse_mentions(parse, "information_schema") ||
	    parse_is_sign(parse, i + 1, ".") || names_is_cut(parse->names, parse->database))
		return;
	while (parse_is_sign(parse, next, ":") && parse_is_sign(parse, next + 1, ":"))
		next = parse_qualified_begin(parse, next + 2) + 1;
	is_concatenated = is_concatenation(parse, next) ||
	                  (first && is_concatenation(parse, first - 1));
	/* TypeORM makes a name of three parts for a cast: the server takes the physical one only */
	if (is_concatenated && parse_mentions(parse, "regclass"))
		return;
	is_operand = is_operator(parse, next) || (first && is_operator(parse, first - 1)) ||
	             is_argument(parse, begin, first);
	if (is_operand)
		form_enclose(parse, parse_token(parse, first)->at, "pg_catalog.left((",
		             parse_token_end(parse, i), ")::pg_catalog.text,-%N)");
}

static bool is_catalog_column(const struct parse *parse, size_t i)
{
	cleanup_free char *name = parse_is_name(parse, i) ? parse_value(parse, i) : NULL;

	return name && strcmp(name, "pg_catalog") != 0 && strcmp(name, "current_catalog") != 0 &&
	       (str_ends(name, "_catalog") || !strcmp(name, "catalog_name"));
}

static const struct shared_relation *find_shared(const struct parse *parse, size_t i)
{
	for (size_t r = 0; r < ARRAY_LEN(shared_relations); r++)
		if (parse_has_name(parse, i, shared_relations[r].name))
			return &shared_relations[r];
	for (size_t r = 0; r < ARRAY_LEN(shared_functions); r++)
		if (parse_has_name(parse, i, shared_functions[r].name))
			return &shared_functions[r];
	return NULL;
}

void rewrite_catalog(struct parse *parse, size_t begin, size_t i, size_t end)
{
	const struct shared_relation *relation;

	if (!parse_is_name(parse, i))
		return;
	relation = parse_in_pg_catalog(parse, i) ? find_shared(parse, i) : NULL;
	if (relation)
		rewrite_relation(parse, relation, begin, i, end);
	if (parse_has_name(parse, i, "current_database") || parse_is(parse, i, "current_catalog"))
		rewrite_current(parse, begin, i, end);
	else if (is_catalog_column(parse, i))
		rewrite_catalog_column(parse, begin, i);
}
