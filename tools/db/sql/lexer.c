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
	return token_letter(byte) || token_digit(byte) || byte == '$';
}

static bool in_operator(char byte)
{
	return byte && strchr("+-*/<>=~!@#%^&|`?", byte);
}

static char peek(const struct tokens *tokens, size_t at)
{
	return at < tokens->len ? tokens->text[at] : 0;
}

static bool comment_at(const struct tokens *tokens, size_t at)
{
	char first = peek(tokens, at), second = peek(tokens, at + 1);

	return (first == '-' && second == '-') || (first == '/' && second == '*');
}

static size_t skip_block(const struct tokens *tokens, size_t at)
{
	unsigned int depth = 0;

	while (at < tokens->len) {
		if (peek(tokens, at) == '/' && peek(tokens, at + 1) == '*') {
			depth++;
			at += 2;
		} else if (peek(tokens, at) == '*' && peek(tokens, at + 1) == '/') {
			at += 2;
			if (!--depth)
				return at;
		} else {
			at++;
		}
	}
	return tokens->len;
}

static size_t skip_line(const struct tokens *tokens, size_t at)
{
	while (at < tokens->len && tokens->text[at] != '\n' && tokens->text[at] != '\r')
		at++;
	return at;
}

static size_t skip_blank(const struct tokens *tokens, size_t at)
{
	for (;;) {
		if (at < tokens->len && token_space(tokens->text[at])) {
			at++;
		} else if (comment_at(tokens, at) && tokens->text[at] == '-') {
			at = skip_line(tokens, at);
		} else if (comment_at(tokens, at)) {
			at = skip_block(tokens, at);
		} else {
			return at;
		}
	}
}

/* A string goes on behind white space with a new line in it; comments up to the end of a line are such. Return: where; 0 if not. */
static size_t continued(const struct tokens *tokens, size_t at)
{
	bool newline = false;

	while (at < tokens->len) {
		if (token_space(tokens->text[at])) {
			newline |= tokens->text[at] == '\n' || tokens->text[at] == '\r';
			at++;
		} else if (comment_at(tokens, at) && tokens->text[at] == '-') {
			at = skip_line(tokens, at);
		} else {
			break;
		}
	}
	return newline && peek(tokens, at) == '\'' ? at + 1 : 0;
}

/* From behind the opening quote to behind the closing one. @ret_end: where the body ends. */
static size_t skip_quoted(const struct tokens *tokens, size_t at, char quote, bool escapes,
                          size_t *ret_end)
{
	while (at < tokens->len) {
		char byte = tokens->text[at];
		size_t next;

		if (escapes && byte == '\\') {
			at += at + 1 < tokens->len ? 2 : 1;
		} else if (byte == quote && peek(tokens, at + 1) == quote) {
			at += 2;
		} else if (byte == '\'' && quote == byte && (next = continued(tokens, at + 1))) {
			at = next;
		} else if (byte == quote) {
			*ret_end = at;
			return at + 1;
		} else {
			at++;
		}
	}
	*ret_end = tokens->len;
	return tokens->len;
}

static struct token quoted(struct tokens *tokens, enum token_kind kind, size_t prefix, char quote)
{
	struct token token = { .kind = kind, .at = tokens->at, .body = tokens->at + prefix + 1 };
	size_t end;

	tokens->at = skip_quoted(tokens, token.body, quote, kind == TOKEN_ESTRING, &end);
	token.len = tokens->at - token.at;
	token.body_len = end - token.body;
	return token;
}

/* $tag$ ... $tag$; @ret_token is filled if it is one. */
static bool dollar(struct tokens *tokens, struct token *ret_token)
{
	size_t at = tokens->at + 1, tag_len;
	const char *close;

	if (token_digit(peek(tokens, at)))
		return false;
	while (at < tokens->len && in_word(tokens->text[at]) && tokens->text[at] != '$')
		at++;
	if (peek(tokens, at) != '$')
		return false;
	tag_len = at + 1 - tokens->at;
	at++;
	close = memmem(tokens->text + at, tokens->len - at, tokens->text + tokens->at, tag_len);
	*ret_token = (struct token){ .kind = TOKEN_DOLLAR, .at = tokens->at, .body = at };
	ret_token->body_len = close ? (size_t)(close - tokens->text) - at : tokens->len - at;
	tokens->at = close ? at + ret_token->body_len + tag_len : tokens->len;
	ret_token->len = tokens->at - ret_token->at;
	return true;
}

static struct token run_of(struct tokens *tokens, enum token_kind kind, size_t end)
{
	struct token token = { .kind = kind,
		               .at = tokens->at,
		               .len = end - tokens->at,
		               .body = tokens->at,
		               .body_len = end - tokens->at };

	tokens->at = end;
	return token;
}

static struct token operator(struct tokens *tokens)
{
	size_t end = tokens->at + 1;

	if (in_operator(tokens->text[tokens->at]))
		while (end < tokens->len && in_operator(tokens->text[end]) &&
		       !comment_at(tokens, end))
			end++;
	return run_of(tokens, TOKEN_OPERATOR, end);
}

static struct token word(struct tokens *tokens)
{
	char first = (char)(tokens->text[tokens->at] | 32), second = peek(tokens, tokens->at + 1);
	char third = peek(tokens, tokens->at + 2);
	size_t end = tokens->at;

	if (second == '\'' && first == 'e')
		return quoted(tokens, TOKEN_ESTRING, 1, '\'');
	if (second == '\'' && first == 'n')
		return quoted(tokens, tokens->plain_strings ? TOKEN_STRING : TOKEN_ESTRING, 1,
		              '\'');
	if (second == '\'' && (first == 'b' || first == 'x'))
		return quoted(tokens, TOKEN_OTHER_STRING, 1, '\'');
	if (first == 'u' && second == '&' && third == '\'')
		return quoted(tokens, TOKEN_OTHER_STRING, 2, '\'');
	if (first == 'u' && second == '&' && third == '"')
		return quoted(tokens, TOKEN_UQUOTED, 2, '"');
	while (end < tokens->len && in_word(tokens->text[end]))
		end++;
	return run_of(tokens, TOKEN_WORD, end);
}

static struct token number(struct tokens *tokens, enum token_kind kind, size_t end)
{
	while (end < tokens->len && (token_digit(tokens->text[end]) ||
	                             (kind == TOKEN_NUMBER && in_word(tokens->text[end]))))
		end++;
	return run_of(tokens, kind, end);
}

struct token token_next(struct tokens *tokens)
{
	struct token token;
	char byte;

	tokens->at = skip_blank(tokens, tokens->at);
	if (tokens->at >= tokens->len)
		return (struct token){ .kind = TOKEN_END, .at = tokens->len, .body = tokens->len };
	byte = tokens->text[tokens->at];
	if (token_letter(byte))
		return word(tokens);
	if (byte == '\'')
		return quoted(tokens, tokens->plain_strings ? TOKEN_STRING : TOKEN_ESTRING, 0,
		              '\'');
	if (byte == '"')
		return quoted(tokens, TOKEN_QUOTED, 0, '"');
	if (byte == '$' && dollar(tokens, &token))
		return token;
	if (byte == '$' && token_digit(peek(tokens, tokens->at + 1)))
		return number(tokens, TOKEN_PARAM, tokens->at + 1);
	if (token_digit(byte))
		return number(tokens, TOKEN_NUMBER, tokens->at);
	return operator(tokens);
}

bool token_is(const char *text, const struct token *token, const char *word_text)
{
	return token->kind == TOKEN_WORD && strlen(word_text) == token->len &&
	       !strncasecmp(text + token->at, word_text, token->len);
}
