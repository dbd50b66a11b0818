/* SPDX-License-Identifier: MIT */
/*
 * One function per state. It looks at the next byte and either consumes it, or changes the state,
 * or returns a token that has ended before this byte or with it. So a byte may be looked at in
 * several states. The rules are those of scan.l, which each function names where they are not
 * obvious.
 */
#include "tools/db/sql/lexer.h"

#include <string.h>
#include <strings.h>

#include "tools/base/str.h"

/* {ident_start} */
static bool is_letter(char byte)
{
	return ((byte | 32) >= 'a' && (byte | 32) <= 'z') || byte == '_' || (byte & 0x80);
}

/* Letters behind digits belong to the number (1e5, 0xff) or are an error (integer_junk). */
static bool in_run(enum token_kind kind, char byte)
{
	return lexer_is_digit(byte) || (kind != TOKEN_PARAM && is_letter(byte)) ||
	       (kind == TOKEN_WORD && byte == '$');
}

static bool in_operator(char byte)
{
	return byte && strchr("+-*/<>=~!@#%^&|`?", byte);
}

static bool in_line(char byte)
{
	return byte != '\n' && byte != '\r';
}

static void skip(struct lexer *lexer, bool (*in)(char byte))
{
	while (lexer->at < lexer->end && in(lexer->piece[lexer->at - lexer->begin]))
		lexer->at++;
}

/* Consume the bytes before the next @byte of the piece. Return: false if there is none. */
static bool skip_to(struct lexer *lexer, char byte)
{
	const char *next = lexer->piece + (lexer->at - lexer->begin);
	const char *found = memchr(next, byte, lexer->end - lexer->at);

	lexer->at = found ? lexer->at + (size_t)(found - next) : lexer->end;
	return found;
}

/* --- beginnings and ends of tokens --- */

static void begin(struct lexer *lexer, enum lexer_state state, enum token_kind kind, size_t at)
{
	lexer->state = state;
	lexer->token = (struct token){ .kind = kind, .at = at, .body = at };
}

/* The next byte is the opening quote. */
static void open_quote(struct lexer *lexer, enum token_kind kind, char quote)
{
	lexer->token.kind = kind;
	lexer->token.body = ++lexer->at;
	lexer->quote = quote;
	lexer->escaped = false;
	lexer->state = LEXER_QUOTED;
}

static bool end_at(struct lexer *lexer, size_t end, size_t body_end, struct token *ret_token)
{
	*ret_token = lexer->token;
	ret_token->len = (uint32_t)(end - ret_token->at);
	ret_token->body_len = (uint32_t)(body_end - ret_token->body);
	lexer->state = LEXER_BLANK;
	return true;
}

static bool end_here(struct lexer *lexer, struct token *ret_token)
{
	return end_at(lexer, lexer->at, lexer->at, ret_token);
}

static bool end_closed(struct lexer *lexer, struct token *ret_token)
{
	return end_at(lexer, lexer->closed, lexer->closed - 1, ret_token);
}

/* --- states --- */

static enum token_kind plain_kind(const struct lexer *lexer)
{
	return lexer->plain_strings ? TOKEN_STRING : TOKEN_ESTRING;
}

static bool blank(struct lexer *lexer, char byte, struct token *ret_token)
{
	if (lexer_is_space(byte)) {
		skip(lexer, lexer_is_space);
		return false;
	}
	begin(lexer, LEXER_OPERATOR, TOKEN_OPERATOR, lexer->at);
	if (byte == '\'' || byte == '"') {
		open_quote(lexer, byte == '"' ? TOKEN_QUOTED : plain_kind(lexer), byte);
		return false;
	}
	lexer->at++;
	lexer->previous = byte;
	if (is_letter(byte) || lexer_is_digit(byte)) {
		lexer->state = LEXER_RUN;
		lexer->token.kind = lexer_is_digit(byte) ? TOKEN_NUMBER : TOKEN_WORD;
	} else if (byte == '$') {
		lexer->state = LEXER_TAG;
		lexer->tag_len = 0;
	} else if (!in_operator(byte)) {
		return end_here(lexer, ret_token);
	}
	return false;
}

/* xbstart, xhstart, xnstart, xestart, xusstart, xuistart: a letter in front of a quote */
static bool prefix(struct lexer *lexer, char byte)
{
	char first = (char)(lexer->previous | 32);

	if (byte == '&' && first == 'u') {
		lexer->state = LEXER_U_AMPERSAND;
		lexer->at++;
		return true;
	}
	if (byte != '\'' || !strchr("benx", first))
		return false;
	open_quote(lexer,
	           first == 'e'   ? TOKEN_ESTRING
	           : first == 'n' ? plain_kind(lexer)
	                          : TOKEN_OTHER_STRING,
	           byte);
	return true;
}

/* A word, a number or a parameter. */
static bool run(struct lexer *lexer, char byte, struct token *ret_token)
{
	enum token_kind kind = lexer->token.kind;

	if (kind == TOKEN_WORD && lexer->at == lexer->token.at + 1 && prefix(lexer, byte))
		return false;
	if (!in_run(kind, byte))
		return end_here(lexer, ret_token);
	while (++lexer->at < lexer->end && in_run(kind, lexer->piece[lexer->at - lexer->begin]))
		;
	return false;
}

/* xufailed: without a quote it is the word u and an operator */
static bool u_ampersand(struct lexer *lexer, char byte, struct token *ret_token)
{
	if (byte == '\'' || byte == '"') {
		open_quote(lexer, byte == '"' ? TOKEN_UQUOTED : TOKEN_OTHER_STRING, byte);
		return false;
	}
	(void)end_at(lexer, lexer->at - 1, lexer->at - 1, ret_token);
	begin(lexer, LEXER_OPERATOR, TOKEN_OPERATOR, lexer->at - 1);
	lexer->previous = '&';
	return true;
}

/* {operator}: it ends where a comment begins */
static bool operator(struct lexer *lexer, char byte, struct token *ret_token)
{
	bool line = byte == '-' && lexer->previous == '-';
	bool block = byte == '*' && lexer->previous == '/';

	if (!in_operator(byte))
		return end_here(lexer, ret_token);
	lexer->previous = byte;
	lexer->at++;
	if (!line && !block)
		return false;
	(void)end_at(lexer, lexer->at - 2, lexer->at - 2, ret_token);
	lexer->state = line ? LEXER_LINE_COMMENT : LEXER_BLOCK_COMMENT;
	lexer->previous = 0;
	lexer->in_gap = false;
	lexer->depth = 1;
	return ret_token->len;
}

/* dolqfailed: what is no tag is a dollar and a word */
static bool tag(struct lexer *lexer, char byte, struct token *ret_token)
{
	size_t dollar = lexer->token.at;

	if (byte == '$') {
		lexer->at++;
		begin(lexer, LEXER_DOLLAR,
		      lexer->tag_len > LEXER_TAG_MAX ? TOKEN_LONG_TAG : TOKEN_DOLLAR, dollar);
		lexer->token.body = lexer->at;
		lexer->matched = 0;
		return false;
	}
	if (lexer_is_digit(byte) && !lexer->tag_len) {
		begin(lexer, LEXER_RUN, TOKEN_PARAM, dollar);
		return false;
	}
	if (is_letter(byte) || lexer_is_digit(byte)) {
		if (lexer->tag_len < LEXER_TAG_MAX)
			lexer->tag[lexer->tag_len] = byte;
		lexer->tag_len++;
		lexer->at++;
		return false;
	}
	(void)end_at(lexer, dollar + 1, dollar + 1, ret_token);
	if (lexer->tag_len) {
		begin(lexer, LEXER_RUN, TOKEN_WORD, dollar + 1);
		lexer->previous = lexer->tag[0];
	}
	return true;
}

/*
 * A tag has dollars at its ends only, so a match that fails can begin anew only at the byte that
 * failed.
 */
static bool dollar_string(struct lexer *lexer, char byte, struct token *ret_token)
{
	size_t tag_len = lexer->tag_len;
	bool in_tag = lexer->matched && lexer->matched <= tag_len;

	if (lexer->token.kind == TOKEN_LONG_TAG) {
		lexer->at = lexer->end;
		return false;
	}
	if (!lexer->matched && !skip_to(lexer, '$'))
		return false;
	if (!lexer->matched || byte == (in_tag ? lexer->tag[lexer->matched - 1] : '$'))
		lexer->matched++;
	else
		lexer->matched = byte == '$';
	lexer->at++;
	return lexer->matched == tag_len + 2 &&
	       end_at(lexer, lexer->at, lexer->at - tag_len - 2, ret_token);
}

static bool in_escaped_text(char byte)
{
	return byte != '\'' && byte != '\\';
}

static bool quoted(struct lexer *lexer, char byte, struct token *ret_token)
{
	(void)ret_token;
	if (lexer->token.kind != TOKEN_ESTRING) {
		if (!skip_to(lexer, lexer->quote))
			return false;
	} else if (lexer->escaped || byte != '\'') {
		lexer->escaped = byte == '\\' && !lexer->escaped;
		lexer->at++;
		if (!lexer->escaped)
			skip(lexer, in_escaped_text);
		return false;
	}
	lexer->closed = ++lexer->at;
	lexer->state = LEXER_CLOSED;
	return false;
}

static bool closed(struct lexer *lexer, char byte, struct token *ret_token)
{
	if (byte == lexer->quote) {
		lexer->at++;
		lexer->state = LEXER_QUOTED;
		return false;
	}
	if (lexer->quote == '"')
		return end_closed(lexer, ret_token);
	lexer->state = LEXER_GAP;
	lexer->newline = false;
	return false;
}

/*
 * quotecontinue: white space with a new line, and comments up to the end of a line, but no block
 * comments
 */
static bool gap(struct lexer *lexer, char byte, struct token *ret_token)
{
	if (lexer_is_space(byte))
		lexer->newline |= !in_line(byte);
	else if (byte == '-')
		lexer->state = LEXER_GAP_DASH;
	else if (byte == '\'' && lexer->newline)
		lexer->state = LEXER_QUOTED;
	else
		return end_closed(lexer, ret_token);
	lexer->at++;
	return false;
}

static bool gap_dash(struct lexer *lexer, char byte, struct token *ret_token)
{
	if (byte == '-') {
		lexer->at++;
		lexer->in_gap = true;
		lexer->state = LEXER_LINE_COMMENT;
		return false;
	}
	(void)end_closed(lexer, ret_token);
	begin(lexer, LEXER_OPERATOR, TOKEN_OPERATOR, lexer->at - 1);
	lexer->previous = '-';
	return true;
}

static bool line_comment(struct lexer *lexer, char byte, struct token *ret_token)
{
	(void)byte;
	(void)ret_token;
	skip(lexer, in_line);
	if (lexer->at < lexer->end || lexer->is_last)
		lexer->state = lexer->in_gap ? LEXER_GAP : LEXER_BLANK;
	return false;
}

static bool block_comment(struct lexer *lexer, char byte, struct token *ret_token)
{
	bool opens = byte == '*' && lexer->previous == '/';
	bool closes = byte == '/' && lexer->previous == '*';

	(void)ret_token;
	lexer->at++;
	lexer->depth += opens;
	lexer->depth -= closes;
	lexer->previous = opens || closes ? 0 : byte;
	if (!lexer->depth)
		lexer->state = LEXER_BLANK;
	return false;
}

static bool (*const states[])(struct lexer *lexer, char byte, struct token *ret_token) = {
	[LEXER_BLANK] = blank,
	[LEXER_RUN] = run,
	[LEXER_U_AMPERSAND] = u_ampersand,
	[LEXER_OPERATOR] = operator,
	[LEXER_TAG] = tag,
	[LEXER_DOLLAR] = dollar_string,
	[LEXER_QUOTED] = quoted,
	[LEXER_CLOSED] = closed,
	[LEXER_GAP] = gap,
	[LEXER_GAP_DASH] = gap_dash,
	[LEXER_LINE_COMMENT] = line_comment,
	[LEXER_BLOCK_COMMENT] = block_comment,
};

/* --- all of it --- */

void lexer_feed(struct lexer *lexer, const char *piece, size_t len, bool is_last)
{
	lexer->piece = piece;
	lexer->begin = lexer->at;
	lexer->end = lexer->at + len;
	lexer->is_last = is_last;
}

/*
 * Behind the text every state but the unterminated ones ends as before a NUL, which no token
 * contains.
 */
static bool next_at_end(struct lexer *lexer, struct token *ret_token)
{
	switch (lexer->state) {
	case LEXER_DOLLAR:
	case LEXER_QUOTED: return end_here(lexer, ret_token);
	case LEXER_BLOCK_COMMENT: lexer->state = LEXER_BLANK; break;
	default: break;
	}
	while (lexer->state != LEXER_BLANK)
		if (states[lexer->state](lexer, 0, ret_token))
			return true;
	return false;
}

bool lexer_next(struct lexer *lexer, struct token *ret_token)
{
	while (lexer->at < lexer->end)
		if (states[lexer->state](lexer, lexer->piece[lexer->at - lexer->begin], ret_token))
			return true;
	return lexer->is_last && next_at_end(lexer, ret_token);
}

bool lexer_is_word(const char *text, const struct token *token, const char *word_text)
{
	return token->kind == TOKEN_WORD && strlen(word_text) == token->len &&
	       !strncasecmp(text + token->at, word_text, token->len);
}
