/* SPDX-License-Identifier: MIT */
/*
 * One function per kind of token; each is handed the place where the token begins and returns the place behind it, never
 * beyond the end of the text. The order of attempts is that of PostgreSQL's scan.l.
 */
#include "tools/db/sql/lexer.h"

#include <string.h>
#include <strings.h>

static bool in_word(char byte)
{
	return lexer_is_letter(byte) || lexer_is_digit(byte) || byte == '$';
}

static bool in_operator(char byte)
{
	return byte && strchr("+-*/<>=~!@#%^&|`?", byte);
}

static char peek(const struct lexer *lexer, size_t at)
{
	return at < lexer->len ? lexer->text[at] : 0;
}

static bool comment_at(const struct lexer *lexer, size_t at)
{
	char first = peek(lexer, at), second = peek(lexer, at + 1);

	return (first == '-' && second == '-') || (first == '/' && second == '*');
}

static size_t skip_block(const struct lexer *lexer, size_t at)
{
	unsigned int depth = 0;

	while (at < lexer->len) {
		if (peek(lexer, at) == '/' && peek(lexer, at + 1) == '*') {
			depth++;
			at += 2;
		} else if (peek(lexer, at) == '*' && peek(lexer, at + 1) == '/') {
			at += 2;
			if (!--depth)
				return at;
		} else {
			at++;
		}
	}
	return lexer->len;
}

static size_t skip_line(const struct lexer *lexer, size_t at)
{
	while (at < lexer->len && lexer->text[at] != '\n' && lexer->text[at] != '\r')
		at++;
	return at;
}

static size_t skip_blank(const struct lexer *lexer, size_t at)
{
	for (;;) {
		if (at < lexer->len && lexer_is_space(lexer->text[at])) {
			at++;
		} else if (comment_at(lexer, at) && lexer->text[at] == '-') {
			at = skip_line(lexer, at);
		} else if (comment_at(lexer, at)) {
			at = skip_block(lexer, at);
		} else {
			return at;
		}
	}
}

/* A string goes on behind white space with a new line in it; comments up to the end of a line are such. Return: where; 0 if not. */
static size_t continued(const struct lexer *lexer, size_t at)
{
	bool newline = false;

	while (at < lexer->len) {
		if (lexer_is_space(lexer->text[at])) {
			newline |= lexer->text[at] == '\n' || lexer->text[at] == '\r';
			at++;
		} else if (comment_at(lexer, at) && lexer->text[at] == '-') {
			at = skip_line(lexer, at);
		} else {
			break;
		}
	}
	return newline && peek(lexer, at) == '\'' ? at + 1 : 0;
}

/* From behind the opening quote to behind the closing one. @ret_end: where the body ends. */
static size_t skip_quoted(const struct lexer *lexer, size_t at, char quote, bool escapes,
                          size_t *ret_end)
{
	while (at < lexer->len) {
		char byte = lexer->text[at];
		size_t next;

		if (escapes && byte == '\\') {
			at += at + 1 < lexer->len ? 2 : 1;
		} else if (byte == quote && peek(lexer, at + 1) == quote) {
			at += 2;
		} else if (byte == '\'' && quote == byte && (next = continued(lexer, at + 1))) {
			at = next;
		} else if (byte == quote) {
			*ret_end = at;
			return at + 1;
		} else {
			at++;
		}
	}
	*ret_end = lexer->len;
	return lexer->len;
}

static struct token quoted(struct lexer *lexer, enum token_kind kind, size_t prefix, char quote)
{
	struct token token = { .kind = kind, .at = lexer->at, .body = lexer->at + prefix + 1 };
	size_t end;

	lexer->at = skip_quoted(lexer, token.body, quote, kind == TOKEN_ESTRING, &end);
	token.len = lexer->at - token.at;
	token.body_len = end - token.body;
	return token;
}

/* $tag$ ... $tag$; @ret_token is filled if it is one. */
static bool dollar(struct lexer *lexer, struct token *ret_token)
{
	size_t at = lexer->at + 1, tag_len;
	const char *close;

	if (lexer_is_digit(peek(lexer, at)))
		return false;
	while (at < lexer->len && in_word(lexer->text[at]) && lexer->text[at] != '$')
		at++;
	if (peek(lexer, at) != '$')
		return false;
	tag_len = at + 1 - lexer->at;
	at++;
	close = memmem(lexer->text + at, lexer->len - at, lexer->text + lexer->at, tag_len);
	*ret_token = (struct token){ .kind = TOKEN_DOLLAR, .at = lexer->at, .body = at };
	ret_token->body_len = close ? (size_t)(close - lexer->text) - at : lexer->len - at;
	lexer->at = close ? at + ret_token->body_len + tag_len : lexer->len;
	ret_token->len = lexer->at - ret_token->at;
	return true;
}

static struct token run_of(struct lexer *lexer, enum token_kind kind, size_t end)
{
	struct token token = { .kind = kind,
		               .at = lexer->at,
		               .len = end - lexer->at,
		               .body = lexer->at,
		               .body_len = end - lexer->at };

	lexer->at = end;
	return token;
}

static struct token operator(struct lexer *lexer)
{
	size_t end = lexer->at + 1;

	if (in_operator(lexer->text[lexer->at]))
		while (end < lexer->len && in_operator(lexer->text[end]) && !comment_at(lexer, end))
			end++;
	return run_of(lexer, TOKEN_OPERATOR, end);
}

static struct token word(struct lexer *lexer)
{
	char first = (char)(lexer->text[lexer->at] | 32), second = peek(lexer, lexer->at + 1);
	char third = peek(lexer, lexer->at + 2);
	size_t end = lexer->at;

	if (second == '\'' && first == 'e')
		return quoted(lexer, TOKEN_ESTRING, 1, '\'');
	if (second == '\'' && first == 'n')
		return quoted(lexer, lexer->plain_strings ? TOKEN_STRING : TOKEN_ESTRING, 1, '\'');
	if (second == '\'' && (first == 'b' || first == 'x'))
		return quoted(lexer, TOKEN_OTHER_STRING, 1, '\'');
	if (first == 'u' && second == '&' && third == '\'')
		return quoted(lexer, TOKEN_OTHER_STRING, 2, '\'');
	if (first == 'u' && second == '&' && third == '"')
		return quoted(lexer, TOKEN_UQUOTED, 2, '"');
	while (end < lexer->len && in_word(lexer->text[end]))
		end++;
	return run_of(lexer, TOKEN_WORD, end);
}

static struct token number(struct lexer *lexer, enum token_kind kind, size_t end)
{
	while (end < lexer->len && (lexer_is_digit(lexer->text[end]) ||
	                            (kind == TOKEN_NUMBER && in_word(lexer->text[end]))))
		end++;
	return run_of(lexer, kind, end);
}

struct token lexer_next(struct lexer *lexer)
{
	struct token token;
	char byte;

	lexer->at = skip_blank(lexer, lexer->at);
	if (lexer->at >= lexer->len)
		return (struct token){ .kind = TOKEN_END, .at = lexer->len, .body = lexer->len };
	byte = lexer->text[lexer->at];
	if (lexer_is_letter(byte))
		return word(lexer);
	if (byte == '\'')
		return quoted(lexer, lexer->plain_strings ? TOKEN_STRING : TOKEN_ESTRING, 0, '\'');
	if (byte == '"')
		return quoted(lexer, TOKEN_QUOTED, 0, '"');
	if (byte == '$' && dollar(lexer, &token))
		return token;
	if (byte == '$' && lexer_is_digit(peek(lexer, lexer->at + 1)))
		return number(lexer, TOKEN_PARAM, lexer->at + 1);
	if (lexer_is_digit(byte))
		return number(lexer, TOKEN_NUMBER, lexer->at);
	return operator(lexer);
}

bool lexer_is_word(const char *text, const struct token *token, const char *word_text)
{
	return token->kind == TOKEN_WORD && strlen(word_text) == token->len &&
	       !strncasecmp(text + token->at, word_text, token->len);
}
