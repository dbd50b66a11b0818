/* SPDX-License-Identifier: MIT */
/*
 * Names and numbers that the server takes. A function of databases gets the physical name. A
 * session can be ended only if it is the worker's. What a program or a client computes for the
 * server itself, statements and connection strings, is mapped by the server.
 */
#include "tools/db/sql/forms.h"

#include <string.h>

/* The argument is the name or the oid of a database: any expression. */
static void map_argument(struct parse *parse, size_t first, size_t last)
{
	const struct token *token = parse_token(parse, last);

	if (first == last && parse_is_string(parse, first)) {
		parse_edit_literal(parse, first);
		return;
	}
	if (token->kind == TOKEN_NUMBER || parse_has_name(parse, last, "oid") ||
	    parse_has_name(parse, last, "datid"))
		return;
	form_enclose(
		parse, parse_token(parse, first)->at,
		"(SELECT COALESCE((SELECT berth_d.datname FROM pg_catalog.pg_database berth_d "
		"WHERE "
		"berth_d.oid::pg_catalog.text=berth_e.e),CASE WHEN " OWN_OR_SHARED(
			"berth_e.e") " THEN berth_e.e ELSE berth_e.e||%S END)::pg_catalog.name "
				     "FROM (SELECT (",
		parse_token_end(parse, last), ")::pg_catalog.text) berth_e(e))");
}

/* The argument is the process of a session. Another worker's becomes one that does not exist. */
static void guard_process(struct parse *parse, size_t first, size_t last)
{
	form_enclose(parse, parse_token(parse, first)->at,
	             "COALESCE((SELECT berth_o.pid FROM (SELECT (", parse_token_end(parse, last),
	             ")) berth_p(pid), pg_catalog.pg_stat_activity berth_o WHERE berth_o.pid="
	             "berth_p.pid AND (berth_o.pid=pg_catalog.pg_backend_pid() OR " OWN_NAME(
			     "berth_o.datname") ")),-1)");
}

void rewrite_call(struct parse *parse, size_t i, size_t end)
{
	static const struct {
		const char *name;
		int argument; /* of parse_find_argument() */
		void (*map)(struct parse *parse, size_t first, size_t last);
	} calls[] = { { "pg_database_size", 0, map_argument },
		      { "has_database_privilege", -1, map_argument },
		      { "pg_terminate_backend", 0, guard_process },
		      { "pg_cancel_backend", 0, guard_process } };
	size_t first, last;

	if (!parse_is_sign(parse, i + 1, "(") || !parse_in_pg_catalog(parse, i))
		return;
	if (parse_begins_name(parse, i, "pg_stat_get_backend_"))
		parse->result->refusal = REFUSAL_SESSIONS;
	for (size_t c = 0; c < ARRAY_LEN(calls); c++) {
		if (!parse_has_name(parse, i, calls[c].name))
			continue;
		if (parse_find_argument(parse, i + 1, end, calls[c].argument, &first, &last))
			calls[c].map(parse, first, last);
		else if (calls[c].map == guard_process) /* pieces of a statement in a program */
			parse->result->refusal = REFUSAL_SESSIONS;
	}
}

/*
 * DATABASE x, DATABASE "x", dbname=x, dbname 'x' and URLs, without backslashes: an outer E'' would
 * read them once more.
 */
#define SPACE    "[[:space:]]"
#define DATABASE "[[:<:]]database" SPACE "+(?:if" SPACE "+exists" SPACE "+)?"

void rewrite_computed(struct parse *parse, size_t first, size_t last)
{
	form_enclose(
		parse, parse_token(parse, first)->at, "pg_catalog.regexp_replace((",
		parse_token_end(parse, last),
		")::pg_catalog.text,'(" DATABASE "\"(?:[^\"]|\"\")+|" DATABASE
		"[[:alpha:]_][[:alnum:]_]*|[[:<:]]dbname" SPACE "*(?:=" SPACE
		"*''*|''+)[^''[:space:]]+|"
		"[[:<:]]postgres(?:ql)?://[^/[:space:]]*/[^?''[:space:]]+)(?<!'||%S||')"
		"(?<![[:space:]\"''=/](?:postgres|template[01]|if|is))(?=[\"''?;[:space:]]|$)',"
		"pg_catalog.chr(92)||'1'||%S,'gi')");
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
