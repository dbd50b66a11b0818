/* SPDX-License-Identifier: MIT */
/*
 * CREATE, DROP, ALTER, COMMENT ON, GRANT ... ON, ... DATABASE name: the name, and the names behind
 * TEMPLATE and RENAME TO. A statement that would alter a shared database (postgres, template0,
 * template1) is refused.
 */
#include "tools/db/sql/parse.h"

#include <stdlib.h>
#include <string.h>

struct database_rule {
	const char *verb; /* first word */
	const char *lead; /* the word or sign before DATABASE; NULL = the verb itself */
	bool harmless;    /* it may name a shared database */
	bool list;        /* a, b, c */
};

static const struct database_rule database_rules[] = {
	{ "create", NULL, false, false },   { "drop", NULL, false, false },
	{ "alter", NULL, false, false },    { "comment", "on", false, false },
	{ "security", "on", false, false }, { "grant", "on", false, true },
	{ "revoke", "on", false, true },    { "alter", "in", false, false },
	{ "reindex", NULL, true, false },   { "reindex", ")", true, false },
};

/* Map the name at @i, or refuse a shared one. */
static void map_database(struct parse *parse, size_t i, bool harmless)
{
	cleanup_free char *name = NULL;

	if (!parse_is_name(parse, i))
		return;
	name = parse_value(parse, i);
	if (names_is_shared(name, strlen(name)) && !harmless)
		parse->result->refusal = REFUSAL_SHARED;
	parse_edit_name(parse, i);
}

static void learn_name(struct parse *parse, size_t i)
{
	cleanup_free char *name = parse_is_name(parse, i) ? parse_value(parse, i) : NULL;

	if (name && !names_has_suffix(parse->names, name, strlen(name)))
		names_learn(parse->names, name, strlen(name));
}

/* Behind the name: TEMPLATE [=] other, 'other' or DEFAULT of CREATE; RENAME TO other of ALTER. */
static void map_other_names(struct parse *parse, size_t i, size_t end)
{
	for (; i < end; i++) {
		size_t value = parse_is_sign(parse, i + 1, "=") ? i + 2 : i + 1;

		if (parse_has_name(parse, i, "template") && parse_is_string(parse, value))
			parse_edit_literal(parse, value);
		else if (parse_has_name(parse, i, "template") && !parse_is(parse, value, "default"))
			map_database(parse, value, true);
		if (parse_is(parse, i, "rename") && parse_is(parse, i + 1, "to")) {
			learn_name(parse, i + 2);
			map_database(parse, i + 2, false);
		}
	}
}

/* @at: of the word DATABASE or SYSTEM */
static void apply_rule(struct parse *parse, const struct database_rule *rule, size_t begin,
                       size_t at, size_t end)
{
	static const char *const skipped[] = { "if", "exists", "not", "concurrently", NULL };
	size_t i = at + 1;

	while (parse_is_one_of(parse, i, skipped) && parse_is_name(parse, i + 1))
		i++;
	if (parse_is(parse, begin, "create"))
		learn_name(parse, i);
	map_database(parse, i, rule->harmless);
	while (rule->list && parse_is_sign(parse, i + 1, ",") && i + 2 < end)
		map_database(parse, i += 2, rule->harmless);
	if (at == begin + 1 && !rule->list && !rule->harmless)
		map_other_names(parse, i + 1, end);
}

void rewrite_database(struct parse *parse, size_t begin, size_t end)
{
	for (size_t at = begin + 1; at < end; at++) {
		bool system = parse_is(parse, at, "system") && parse_is(parse, begin, "reindex");

		if ((!system && !parse_is(parse, at, "database")) || !parse_is_name(parse, at + 1))
			continue;
		for (size_t r = 0; r < ARRAY_LEN(database_rules); r++) {
			const struct database_rule *rule = &database_rules[r];
			bool led = rule->lead ? parse_is(parse, at - 1, rule->lead) ||
			                                parse_is_sign(parse, at - 1, rule->lead)
			                      : at == begin + 1;

			if (!led || !parse_is(parse, begin, rule->verb))
				continue;
			apply_rule(parse, rule, begin, at, end);
			return;
		}
	}
}
