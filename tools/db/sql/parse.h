/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PARSE_H
#define BERTH_DB_PARSE_H
/*
 * What the rules of renaming share: the tokens of one text, questions about them, and edits. rename.c applies the rules to
 * every statement; those about databases are in rewrite_database.c, those about catalogs in rename_catalog.c, and what the
 * server connects with in rename_connect.c.
 *
 * The parser is a set of rules over the array of tokens, not a grammar: whatever a rule does not recognize stays as it is.
 */
#include "tools/base/cleanup.h"
#include "tools/db/sql/rewrite.h"
#include "tools/db/sql/lexer.h"

struct parse {
	struct names *names;
	struct rewrite_result *result;
	const char *text;
	struct token *tokens;
	size_t count;
	size_t shift; /* of an inner text: where it stands in the outer one */
	bool plain_strings;
	unsigned int depth;
	/* inside so many quoted strings: as often quotes must be doubled */
	unsigned int doubled;
	unsigned int mapped; /* literals and parameters mapped so far */
};
extern const char rewrite_refused_shared[], rewrite_refused_escapes[];

/* --- questions; a token that is not there answers no --- */

const struct token *parse_token(const struct parse *parse, size_t i);
bool parse_is(const struct parse *parse, size_t i, const char *word);
bool parse_is_sign(const struct parse *parse, size_t i, const char *sign);
/* @words ends with NULL */
bool parse_is_one_of(const struct parse *parse, size_t i, const char *const *words);
bool parse_is_name(const struct parse *parse, size_t i);
bool parse_is_string(const struct parse *parse, size_t i);
bool parse_mentions(const struct parse *parse, const char *word); /* anywhere in the text */
bool parse_begins(const char *at, size_t left, const char *word); /* in any case */

/** The name that a token stands for: folded, or without its quotes. The caller's to free. */
char *parse_name(const struct parse *parse, const struct token *token);

/* --- edits --- */

/** Let @text stand for the @removed bytes at @at. */
void parse_edit(struct parse *parse, size_t at, size_t removed, const char *text);
/* to the physical name, if it is another; may refuse */
void parse_edit_name(struct parse *parse, size_t i);
void parse_edit_literal(struct parse *parse, size_t i);

/* --- rules, for the tokens from @begin to @end of one statement --- */

/** Statements that name databases as such. */
void rewrite_database(struct parse *parse, size_t begin, size_t end);

/** From the catalog column @i to the end of its comparison every literal is a database name. */
bool rewrite_is_catalog_column(const struct parse *parse, size_t i);
void rewrite_comparison(struct parse *parse, size_t i, size_t end);

/** The relation @i, if it is a catalog that shows everybody's databases: only the worker's own rows. */
void rewrite_shared_relation(struct parse *parse, size_t begin, size_t i);

/** The string @i, if the server is to connect with it. */
void rewrite_connection_string(struct parse *parse, size_t begin, size_t i);

/** PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED. */
void rewrite_prepared_transaction(struct parse *parse, size_t begin);

#endif
