/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_LEXER_H
#define BERTH_DB_LEXER_H
/*
 * The lexical structure of PostgreSQL's SQL (its manual, chapter 4.1; its
 * src/backend/parser/scan.l).
 *
 * The lexer reads a text in pieces, which may end at any byte, and returns the same tokens however
 * the text is cut:
 *
 *	struct lexer lexer = { .plain_strings = true };
 *
 *	lexer_feed(&lexer, piece, len, is_last);
 *	while (lexer_next(&lexer, &token))
 *		...
 *
 * It keeps offsets and a tag, never the text. Comments and white space are no tokens. Any bytes
 * give tokens that lie inside the text, in order. An unterminated string ends with the text.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEXER_TAG_MAX = 256 };

enum token_kind {
	TOKEN_NONE,
	TOKEN_WORD,         /* unquoted name or keyword */
	TOKEN_QUOTED,       /* "name" */
	TOKEN_UQUOTED,      /* U&"name" */
	TOKEN_STRING,       /* 'text', N'text' */
	TOKEN_ESTRING,      /* E'text', or 'text' without standard_conforming_strings */
	TOKEN_OTHER_STRING, /* B'', X'', U&'' */
	TOKEN_DOLLAR,       /* $tag$text$tag$ */
	TOKEN_LONG_TAG,     /* the same, with a tag beyond LEXER_TAG_MAX: its end is not found */
	TOKEN_PARAM,        /* $1 */
	TOKEN_NUMBER,
	TOKEN_OPERATOR, /* a run of operator characters, or one other character */
};

struct token {
	size_t at; /* from the beginning of the text, as body; a message has at most 1 GiB */
	uint32_t len;
	enum token_kind kind;
	size_t body; /* what is between the quotes */
	uint32_t body_len;
};

enum lexer_state {
	LEXER_BLANK,       /* between tokens */
	LEXER_RUN,         /* in a word, a number or a parameter */
	LEXER_U_AMPERSAND, /* U&, which may begin a name or a string */
	LEXER_OPERATOR,
	LEXER_TAG,    /* $tag, which may begin a string */
	LEXER_DOLLAR, /* behind $tag$ */
	LEXER_QUOTED, /* inside '' or "" */
	LEXER_CLOSED, /* behind a closing quote, which another quote doubles */
	LEXER_GAP,    /* behind a string, which goes on if a new line and a quote follow */
	LEXER_GAP_DASH,
	LEXER_LINE_COMMENT,
	LEXER_BLOCK_COMMENT,
};

struct lexer {
	bool plain_strings; /* standard_conforming_strings; set by the caller */

	const char *piece;
	size_t begin, end, at; /* of the piece and of the next byte, in the text */
	bool is_last;
	enum lexer_state state;
	struct token token; /* the one that has begun */
	char previous;      /* OPERATOR, BLOCK_COMMENT: the byte before. RUN: the first byte. */
	char quote;
	bool escaped;       /* QUOTED: behind a backslash */
	bool newline;       /* GAP: there was one */
	bool in_gap;        /* LINE_COMMENT: behind a string */
	unsigned int depth; /* of block comments */
	size_t closed;      /* CLOSED, GAP: where the string would end */
	size_t tag_len;     /* without the dollars */
	size_t matched;     /* DOLLAR: so much of the closing tag has come */
	char tag[LEXER_TAG_MAX];
};

/** Continue with @len bytes at @piece, which must stay until lexer_next() returns false. */
void lexer_feed(struct lexer *lexer, const char *piece, size_t len, bool is_last);

/**
 * Return: false at the end of the piece. A token that reaches it comes with a later piece, unless
 * this is the last.
 */
bool lexer_next(struct lexer *lexer, struct token *ret_token);

/** Is @token of @text the keyword @word (lower case): unquoted, in any case? */
bool lexer_is_word(const char *text, const struct token *token, const char *word);

static inline bool lexer_is_space(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static inline bool lexer_is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static inline bool token_is_name(const struct token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_QUOTED ||
	       token->kind == TOKEN_UQUOTED;
}

#endif
