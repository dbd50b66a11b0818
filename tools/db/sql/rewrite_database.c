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

static size_t skip_words(const struct parse *parse, size_t i)
{
	static const char *const words[] = { "if", "exists", "not", "concurrently", NULL };

	while (parse_is_one_of(parse, i, words) && parse_is_name(parse, i + 1))
		i++;
	return i;
}

/* Map the name at @i, or refuse a shared one. */
static void map_database(struct parse *parse, size_t i, bool harmless)
{
	cleanup_free char *name = NULL;

	if (!parse_is_name(parse, i))
		return;
	name = parse_name(parse, i);
	if (names_is_shared(name, strlen(name)) && !harmless)
		parse->result->refusal = REFUSAL_SHARED;
	parse_edit_name(parse, i);
}

static void learn_name(struct parse *parse, size_t i)
{
	cleanup_free char *name = parse_is_name(parse, i) ? parse_name(parse, i) : NULL;

	if (name && !names_has_suffix(parse->names, name, strlen(name)))
		names_learn(parse->names, name, strlen(name));
}

/* TEMPLATE [=] other, 'other' or DEFAULT */
static void map_template(struct parse *parse, size_t i)
{
	i += parse_is_sign(parse, i, "=");
	if (parse_is_string(parse, i))
		parse_edit_literal(parse, i);
	else if (!parse_is(parse, i, "default"))
		map_database(parse, i, true);
}

/* Behind the name: TEMPLATE of CREATE, RENAME TO of ALTER. */
static void map_other_names(struct parse *parse, size_t i, size_t end)
{
	for (; i < end; i++) {
		if (parse_is(parse, i, "template"))
			map_template(parse, i + 1);
		if (parse_is(parse, i, "rename") && parse_is(parse, i + 1, "to")) {
			learn_name(parse, i + 2);
			map_database(parse, i + 2, false);
		}
	}
}

static void apply_database_rule(struct parse *parse, const struct database_rule *rule, size_t begin,
                                size_t at, size_t end)
{
	size_t i = skip_words(parse, at + 1);
	bool ddl = at == begin + 1 && !rule->list && !rule->harmless;

	if (parse_is(parse, begin, "create"))
		learn_name(parse, i);
	map_database(parse, i, rule->harmless);
	while (rule->list && parse_is_sign(parse, i + 1, ",") && i + 2 < end)
		map_database(parse, i += 2, rule->harmless);
	if (ddl)
		map_other_names(parse, i + 1, end);
}

static bool names_one(const struct parse *parse, size_t begin, size_t at)
{
	return parse_is(parse, at, "database") ||
	       (parse_is(parse, at, "system") && parse_is(parse, begin, "reindex"));
}

void rewrite_database(struct parse *parse, size_t begin, size_t end)
{
	for (size_t at = begin + 1; at < end; at++) {
		if (!names_one(parse, begin, at) || !parse_is_name(parse, at + 1))
			continue;
		for (size_t r = 0; r < ARRAY_LEN(database_rules); r++) {
			const struct database_rule *rule = &database_rules[r];
			bool led = rule->lead ? parse_is(parse, at - 1, rule->lead) ||
			                                parse_is_sign(parse, at - 1, rule->lead)
			                      : at == begin + 1;

			if (!led || !parse_is(parse, begin, rule->verb))
				continue;
			apply_database_rule(parse, rule, begin, at, end);
			return;
		}
	}
}
