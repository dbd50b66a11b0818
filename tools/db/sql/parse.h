/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PARSE_H
#define BERTH_DB_PARSE_H
/*
 * The tokens of one text, questions about them, and edits.
 *
 * The parser is a set of rules over the array of tokens, not a grammar: it leaves what no rule
 * recognizes as it is. rewrite.c applies the rules to each statement. The rules call this file, and
 * never rewrite.c.
 */
#include "tools/base/cleanup.h"
#include "tools/db/sql/lexer.h"
#include "tools/db/sql/rewrite.h"

struct parse {
	struct names *names;
	struct rewrite_result *result;
	const char *text;
	struct token *tokens;
	size_t count;
	size_t shift; /* of an inner text: where it stands in the outer one */
	bool plain_strings;
	unsigned int depth; /* inside so many strings that are programs */
	unsigned int
		doubled;     /* inside so many strings in quotes: as often quotes must be doubled */
	unsigned int mapped; /* literals and parameters mapped so far */
};

/* --- questions about token @i; a token that is not there answers no --- */

const struct token *parse_token(const struct parse *parse, size_t i);
/* a keyword; quotes make it a name */
bool parse_is(const struct parse *parse, size_t i, const char *word);
bool parse_is_sign(const struct parse *parse, size_t i, const char *sign);
/* @words ends with NULL */
bool parse_is_one_of(const struct parse *parse, size_t i, const char *const *words);
bool parse_is_name(const struct parse *parse, size_t i);
/* an identifier with the value @name, quoted or not */
bool parse_has_name(const struct parse *parse, size_t i, const char *name);
bool parse_has_name_of(const struct parse *parse, size_t i, const char *const *names);
/* a string in quotes, but not of bits */
bool parse_is_string(const struct parse *parse, size_t i);

/** Is the identifier @name anywhere in the text? */
bool parse_mentions(const struct parse *parse, const char *name);

/** Do the @left bytes at @at begin with @word, in any case? */
bool parse_begins(const char *at, size_t left, const char *word);

/** The value of token @i, as token_value(). The caller's to free. */
char *parse_value(const struct parse *parse, size_t i);

/* --- edits --- */

/** Replace @removed bytes at @at by @text. */
void parse_edit(struct parse *parse, size_t at, size_t removed, const char *text);

/** Replace the name @i by the physical one. */
void parse_edit_name(struct parse *parse, size_t i);

/** Give the string @i the value @value. */
void parse_edit_value(struct parse *parse, size_t i, const char *value);

/** Replace the name in the string @i, which may be an array of names, by the physical one. */
void parse_edit_literal(struct parse *parse, size_t i);

/* --- rules, for the tokens from @begin to @end of one statement --- */

/** Statements that name databases as such: rewrite_database.c. */
void rewrite_database(struct parse *parse, size_t begin, size_t end);

/**
 * Map the operands that the catalog column or function @i is compared with, if it is a database
 * name.
 */
void rewrite_comparison(struct parse *parse, size_t i, size_t end);

/** Restrict the relation @i to the worker's own rows, if it is a catalog of all databases. */
void rewrite_shared_relation(struct parse *parse, size_t begin, size_t i);

/** Map the name in the string @i, if the server connects with this string: rewrite_connect.c. */
void rewrite_connection_string(struct parse *parse, size_t begin, size_t i);

/** PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED: the identifier. */
void rewrite_prepared_transaction(struct parse *parse, size_t begin);

#endif
