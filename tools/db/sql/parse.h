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

/* Where a token stands. Found once for all tokens: a search for each would be quadratic. */
struct parse_place {
	uint32_t opening : 30; /* the innermost bracket around it; PARSE_NONE */
	enum { CLAUSE_NONE, CLAUSE_SELECT, CLAUSE_FROM } clause : 2; /* last in the brackets */
};

#define PARSE_NONE 0x3fffffffu

struct parse {
	struct names *names;
	struct rewrite_result *result;
	const char *database; /* the session's, by its logical name; NULL = none */
	const char *text;
	struct token *tokens;
	struct parse_place *places;
	size_t count;
	size_t shift; /* of an inner text: where it stands in the outer one */
	bool plain_strings;
	unsigned int depth; /* inside so many strings that are programs */
	unsigned int
		doubled; /* inside so many strings in quotes: as often quotes must be doubled */
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

/** Is the session in a database of the worker's, not in a shared one? */
bool parse_is_own(const struct parse *parse);

/** Return: the first token of the qualified name that ends at @i. */
size_t parse_qualified_begin(const struct parse *parse, size_t i);

/** Is @i an object of pg_catalog: x, pg_catalog.x, or DATABASE.pg_catalog.x? */
bool parse_in_pg_catalog(const struct parse *parse, size_t i);

/** Return: where token @i ends in the text. */
size_t parse_token_end(const struct parse *parse, size_t i);

/** Is token @i an identifier that begins with @word? */
bool parse_begins_name(const struct parse *parse, size_t i, const char *word);

/** Find the places of all tokens. A semicolon ends all brackets. */
void parse_find_places(struct parse *parse);

/** Is the comma @comma in a FROM list? */
bool parse_in_from_list(const struct parse *parse, size_t comma);

/**
 * Return: the innermost opening bracket around token @i, not before @begin; PARSE_NONE if there is
 * none.
 */
size_t parse_opening(const struct parse *parse, size_t begin, size_t i);

/** Return: the bracket that closes the one at @open; @end if none does. */
size_t parse_closing(const struct parse *parse, size_t open, size_t end);

/**
 * Find argument @wanted of the call with the bracket @open; -1 = the last but one.
 * @ret_first, @ret_last	its tokens
 */
bool parse_find_argument(const struct parse *parse, size_t open, size_t end, int wanted,
                         size_t *ret_first, size_t *ret_last);

/** Is the identifier @name anywhere in the text? */
bool parse_mentions(const struct parse *parse, const char *name);

/** Do the @left bytes at @at begin with @word, in any case? */
bool parse_begins(const char *at, size_t left, const char *word);

/** The value of token @i, as token_value(). The caller's to free. */
char *parse_value(const struct parse *parse, size_t i);

/* --- edits --- */

/** Replace @removed bytes at @at by @text. */
void parse_edit(struct parse *parse, size_t at, size_t removed, const char *text);

/** Put @before at @at and @after at @end. What is in between may have edits of its own. */
void parse_enclose(struct parse *parse, size_t at, const char *before, size_t end,
                   const char *after);

/** Replace the name @i by the physical one. */
void parse_edit_name(struct parse *parse, size_t i);

/** Give the string @i the value @value. */
void parse_edit_value(struct parse *parse, size_t i, const char *value);

/** Replace the name in the string @i by the physical one. */
void parse_edit_literal(struct parse *parse, size_t i);

/* --- rules, for the tokens from @begin to @end of one statement --- */

/** Statements that name databases as such: rewrite_database.c. */
void rewrite_database(struct parse *parse, size_t begin, size_t end);

/** Names that the server gives at token @i: rewrite_catalog.c. */
void rewrite_catalog(struct parse *parse, size_t begin, size_t i, size_t end);

/** Names and processes that the function @i takes: rewrite_call.c. */
void rewrite_call(struct parse *parse, size_t i, size_t end);

/** The server maps the names in the text that the expression from @first to @last gives. */
void rewrite_computed(struct parse *parse, size_t first, size_t last);

/** rewrite_connect.c: does the server connect with the string @i, or send it as a statement? */
bool rewrite_connects(const struct parse *parse, size_t begin, size_t i);

/** Map the database in the connection string @i, by its value. */
void rewrite_connection_string(struct parse *parse, size_t i);

/** The server maps the connection string that the call @i computes. */
void rewrite_connection(struct parse *parse, size_t i, size_t end);

/** PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED: the identifier. */
void rewrite_prepared_transaction(struct parse *parse, size_t begin);

#endif
