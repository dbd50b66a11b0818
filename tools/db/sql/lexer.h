/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_LEXER_H
#define BERTH_DB_LEXER_H
/*
 * PostgreSQL's lexical structure (its manual, chapter 4.1): what is a name, a string, a parameter. Comments and white space
 * are left out. Total: any bytes give tokens that lie inside the text, in order; an unterminated string ends with the text.
 */
#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,         /* unquoted name or keyword */
	TOKEN_QUOTED,       /* "name" */
	TOKEN_UQUOTED,      /* U&"name" */
	TOKEN_STRING,       /* 'text', N'text' */
	TOKEN_ESTRING,      /* E'text', or 'text' without standard_conforming_strings */
	TOKEN_OTHER_STRING, /* B'', X'', U&'' */
	TOKEN_DOLLAR,       /* $tag$text$tag$ */
	TOKEN_PARAM,        /* $1 */
	TOKEN_NUMBER,
	TOKEN_OPERATOR, /* a run of operator characters, or one of ( ) [ ] , ; : . */
};

struct token {
	enum token_kind kind;
	size_t at, len;        /* the whole token in the text */
	size_t body, body_len; /* what is between the quotes */
};

struct lexer {
	const char *text;
	size_t len, at;
	bool plain_strings; /* standard_conforming_strings */
};

static inline bool lexer_is_space(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static inline bool lexer_is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/** May stand at the beginning of a word. */
static inline bool lexer_is_letter(char byte)
{
	return ((byte | 32) >= 'a' && (byte | 32) <= 'z') || byte == '_' || (byte & 0x80);
}

struct token lexer_next(struct lexer *lexer);

/** True if @token is the word @word (lower case), unquoted, in any case. */
bool lexer_is_word(const char *text, const struct token *token, const char *word);

#endif
