/* SPDX-License-Identifier: MIT */
/*
 * The lexical structure of tokens.c, a byte at a time, because a piece may end anywhere: one function per state, which
 * takes a byte and says what the next state is. Code and strings are told apart, and comments are left out. What a string
 * says counts only where strings may be programs or connection strings; which these are, rename.c knows, and the words that
 * show it are the table below. An INSERT of twenty megabytes may speak of databases as much as it likes.
 *
 * Wrong answers go to one side: strings that follow each other are one text, and a word counts wherever it stands.
 */
#include "tools/db/sql/lookout.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/base/cleanup.h"
#include "tools/db/sql/rewrite.h"
#include "tools/db/sql/lexer.h"

enum { SEAM = 128, SEEN = 4096, WORD_MAX = 16, TAG_MAX = 64 };

enum state {
	CODE,
	QUOTED,
	STRING,
	ESCAPES,
	ESCAPED,
	AFTER_STRING,
	TAG,
	DOLLAR,
	PARAM,
	LINE,
	BLOCK
};

/* of one kind, without a seam where pieces meet */
struct text {
	bool (*look)(const struct names *names, const char *text, size_t len);
	char seen[SEEN];
	size_t len;
	bool wanted;
};

struct lookout {
	const struct names *names;
	struct text code, strings;
	enum state state;
	unsigned int depth;  /* of block comments */
	char last;           /* the byte before, where two make one sign; else 0 */
	char word[WORD_MAX]; /* longer ones are cut */
	size_t word_len;
	char tag[TAG_MAX];      /* $tag$ */
	size_t tag_len, tag_at; /* tag_at: so much of the closing one has come */
	bool plain_strings, strings_matter;
	bool begins;  /* no word of this statement has ended yet */
	bool unicode; /* U& right before */
	/* AFTER_STRING: of which kind, and whether it may go on in another line */
	bool escapes, newline;
	bool commented; /* a comment behind a string, up to the end of its line */
};

/* Behind these, what is in a string may be read as more than data. */
static const struct {
	const char *word;
	bool only_first; /* ON CONFLICT DO */
} reading[] = {
	{ "do", true },
	{ "function", false },
	{ "procedure", false },
	{ "regclass", false },
	{ "to_regclass", false },
	{ "server", false },
	{ "subscription", false },
	{ "dblink", false },
};

/* --- what has been seen --- */

static bool word_byte(char byte)
{
	return lexer_is_letter(byte) || lexer_is_digit(byte);
}

/* name.schema.table: the first part counts only as such, since a table may well be called as a database. */
static bool is_qualifier(const char *text, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *dot = text; (dot = memchr(dot, '.', len - (size_t)(dot - text))); dot++) {
		const char *end = dot;

		while (end > text && lexer_is_space(end[-1]))
			end--;
		end -= end > text && end[-1] == '"';
		if ((size_t)(end - text) < name_len || strncasecmp(end - name_len, name, name_len))
			continue;
		if ((size_t)(end - text) == name_len || !word_byte(end[-1 - (ssize_t)name_len]))
			return true;
	}
	return false;
}

static bool code_wanted(const struct names *names, const char *text, size_t len)
{
	for (char **known = names->known; known && *known; known++)
		if (is_qualifier(text, len, *known))
			return true;
	return mention_has_word(text, len) || names_has_suffix(names, text, len);
}

static void text_look(struct text *text, const struct names *names)
{
	size_t keep = text->len < SEAM ? text->len : SEAM;

	text->wanted = text->wanted || text->look(names, text->seen, text->len);
	memmove(text->seen, text->seen + text->len - keep, keep);
	text->len = keep;
}

static void text_add(struct text *text, const struct names *names, char byte)
{
	if (text->len == SEEN)
		text_look(text, names);
	text->seen[text->len++] = byte;
}

static void look_at_word(struct lookout *lookout, const char *word, size_t word_len)
{
	for (size_t i = 0; i < ARRAY_LEN(reading); i++) {
		size_t len = strlen(reading[i].word);

		if (word_len < len || strncasecmp(word, reading[i].word, len))
			continue;
		if (word_len == len ? lookout->begins || !reading[i].only_first
		                    : *reading[i].word == 'd' && len > 2)
			lookout->strings_matter = true; /* dblink_exec() and its like too */
	}
}

static void end_word(struct lookout *lookout)
{
	if (!lookout->word_len)
		return;
	look_at_word(lookout, lookout->word, lookout->word_len);
	lookout->begins = false;
	lookout->word_len = 0;
}

/* --- states --- */

/* What stands right before a quote says what kind of string it opens. */
static enum state open_string(const struct lookout *lookout)
{
	char prefix = lookout->word_len == 1 ? (char)(*lookout->word | 32) : 0;

	if (prefix == 'e')
		return ESCAPES;
	if (prefix == 'b' || prefix == 'x' || lookout->unicode)
		return STRING;
	return lookout->plain_strings ? STRING : ESCAPES;
}

/* It is white space between a name and its dot, and its first sign has been taken for an operator. */
static void open_comment(struct lookout *lookout)
{
	struct text *code = &lookout->code;

	code->len--;
	if (!code->len || !lexer_is_space(code->seen[code->len - 1]))
		text_add(code, lookout->names, ' ');
}

static enum state in_code(struct lookout *lookout, char byte)
{
	enum state state = CODE;
	char last = lookout->last;

	if (byte == '\'')
		state = open_string(lookout);
	else if (byte == '"')
		state = QUOTED;
	else if (byte == '$' && !lookout->word_len)
		state = TAG;
	else if (byte == '-' && last == '-')
		state = LINE;
	else if (byte == '*' && last == '/')
		state = BLOCK;
	lookout->last = byte;
	lookout->unicode = byte == '&' && lookout->word_len == 1 && (*lookout->word | 32) == 'u';
	if (word_byte(byte) || (byte == '$' && lookout->word_len)) {
		if (lookout->word_len < WORD_MAX)
			lookout->word[lookout->word_len++] = byte;
	} else {
		end_word(lookout);
	}
	lookout->begins |= byte == ';';
	if (state == LINE || state == BLOCK)
		open_comment(lookout);
	else if (!lexer_is_space(byte) ||
	         !lexer_is_space(last)) /* a name and its dot stay near each other */
		text_add(&lookout->code, lookout->names, byte);
	if (state == TAG)
		lookout->tag[0] = byte;
	lookout->tag_len = 1;
	lookout->depth = 1;
	if (state != CODE)
		lookout->last = 0;
	lookout->commented = lookout->commented && state == LINE;
	return state;
}

static enum state in_quoted(struct lookout *lookout, char byte)
{
	text_add(&lookout->code, lookout->names, byte);
	return byte == '"' ? CODE : QUOTED;
}

static enum state in_string(struct lookout *lookout, char byte)
{
	if (byte == '\'') {
		lookout->escapes = lookout->state == ESCAPES;
		lookout->newline = true; /* a doubled quote: the string goes on */
		lookout->last = byte;
		return AFTER_STRING;
	}
	text_add(&lookout->strings, lookout->names, byte);
	return lookout->state == ESCAPES && byte == '\\' ? ESCAPED : lookout->state;
}

static enum state in_escaped(struct lookout *lookout, char byte)
{
	text_add(&lookout->strings, lookout->names, byte);
	return ESCAPES;
}

/* A quote goes on with the string if it is doubled, or if only white space and comments with a new line are between. */
static enum state after_string(struct lookout *lookout, char byte)
{
	if (byte == '\'' && lookout->newline)
		return lookout->escapes ? ESCAPES : STRING;
	if (!lexer_is_space(byte)) {
		enum state state;

		lookout->last = 0;
		state = in_code(lookout, byte);
		lookout->commented = byte == '-';
		return state;
	}
	if (lookout->last == '\'')
		lookout->newline = false;
	lookout->last = byte;
	lookout->newline |= byte == '\n' || byte == '\r';
	return AFTER_STRING;
}

/* $1: letters behind it are a word of their own. */
static enum state in_param(struct lookout *lookout, char byte)
{
	if (!lexer_is_digit(byte))
		return in_code(lookout, byte);
	text_add(&lookout->code, lookout->names, byte);
	return PARAM;
}

static enum state in_tag(struct lookout *lookout, char byte)
{
	if (lookout->tag_len == 1 && lexer_is_digit(byte))
		return in_param(lookout, byte);
	/* no tag: a sign that nothing is known of, and a word */
	if (byte != '$' && !word_byte(byte)) {
		for (size_t i = 1, len = lookout->tag_len; i < len; i++)
			(void)in_code(lookout, lookout->tag[i]);
		return in_code(lookout, byte);
	}
	if (lookout->tag_len == TAG_MAX) {
		lookout->code.wanted = true; /* nobody writes such a tag */
		return CODE;
	}
	lookout->tag[lookout->tag_len++] = byte;
	lookout->tag_at = 0;
	return byte == '$' ? DOLLAR : TAG;
}

/* `$` stands only at the ends of a tag, so a match that fails can begin anew only at the byte that failed. */
static enum state in_dollar(struct lookout *lookout, char byte)
{
	text_add(&lookout->strings, lookout->names, byte);
	if (byte == lookout->tag[lookout->tag_at])
		lookout->tag_at++;
	else
		lookout->tag_at = byte == '$';
	return lookout->tag_at == lookout->tag_len ? CODE : DOLLAR;
}

static enum state in_line(struct lookout *lookout, char byte)
{
	if (byte != '\n' && byte != '\r')
		return LINE;
	lookout->last = byte;
	if (!lookout->commented)
		return CODE;
	lookout->newline = true;
	return AFTER_STRING;
}

static enum state in_block(struct lookout *lookout, char byte)
{
	bool opens = byte == '*' && lookout->last == '/',
	     closes = byte == '/' && lookout->last == '*';

	lookout->depth += opens;
	lookout->depth -= closes;
	lookout->last = opens || closes ? 0 : byte;
	if (lookout->depth)
		return BLOCK;
	lookout->last = ' ';
	return CODE;
}

/* --- all of it --- */

struct lookout *lookout_open(const struct names *names, bool plain_strings)
{
	struct lookout *lookout = mem_alloc(sizeof(*lookout));

	lookout->names = names;
	lookout->code.look = code_wanted;
	lookout->strings.look = mention_in_text;
	lookout->plain_strings = plain_strings;
	lookout->begins = true;
	return lookout;
}

bool lookout_feed(struct lookout *lookout, const char *text, size_t len)
{
	static enum state (*const states[])(struct lookout * lookout, char byte) = {
		[CODE] = in_code,      [QUOTED] = in_quoted,   [STRING] = in_string,
		[ESCAPES] = in_string, [ESCAPED] = in_escaped, [AFTER_STRING] = after_string,
		[TAG] = in_tag,        [DOLLAR] = in_dollar,   [PARAM] = in_param,
		[LINE] = in_line,      [BLOCK] = in_block,
	};

	for (size_t i = 0; i < len; i++)
		lookout->state = states[lookout->state](lookout, text[i]);
	look_at_word(lookout, lookout->word, lookout->word_len); /* it may be whole */
	if (lookout->state == TAG)                               /* it may be none */
		look_at_word(lookout, lookout->tag + 1, lookout->tag_len - 1);
	text_look(&lookout->code, lookout->names);
	text_look(&lookout->strings, lookout->names);
	return lookout->code.wanted || (lookout->strings_matter && lookout->strings.wanted);
}
