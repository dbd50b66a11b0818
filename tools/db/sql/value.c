/* SPDX-License-Identifier: MIT */
/* Undo quotes and escapes; see value.h. */
#include "tools/db/sql/value.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

struct reader {
	const char *at, *end;
	struct str value;
};

static void add_byte(struct reader *reader, unsigned int byte)
{
	char one = (char)byte;

	str_add_len(&reader->value, &one, 1);
}

static void add_character(struct reader *reader, unsigned long code)
{
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned int count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	add_byte(reader, (unsigned int)(code >> (6 * (count - 1))) | marks[count]);
	for (unsigned int i = count - 1; i-- > 0;)
		add_byte(reader, 0x80 | ((unsigned int)(code >> (6 * i)) & 0x3f));
}

/*
 * Read @min to @max digits at @at.
 * Return: how many were read; 0 if there are fewer than @min.
 */
static size_t read_digits(const struct reader *reader, const char *at, int base, size_t min,
                          size_t max, unsigned long *ret_number)
{
	char digits[9] = { 0 };
	size_t left = at < reader->end ? (size_t)(reader->end - at) : 0, len;

	memcpy(digits, at, left < max ? left : max);
	len = strspn(digits, base == 8 ? "01234567" : "0123456789abcdefABCDEF");
	digits[len] = 0;
	*ret_number = strtoul(digits, NULL, base);
	return len >= min ? len : 0;
}

/*
 * Append the character with @digits hexadecimal digits at @skip bytes behind the escape sign. The
 * halves of a surrogate pair are two escapes of one form.
 */
static bool add_unicode(struct reader *reader, size_t skip, size_t digits)
{
	const char *second = reader->at + skip + digits;
	unsigned long code, low;

	if (!read_digits(reader, reader->at + skip, 16, digits, digits, &code) || !code ||
	    code > 0x10ffff)
		return false;
	if (code >> 10 == 0xd800 >> 10 && reader->end - second > (ptrdiff_t)skip &&
	    !memcmp(second, reader->at, skip) &&
	    read_digits(reader, second + skip, 16, digits, digits, &low) &&
	    low >> 10 == 0xdc00 >> 10) {
		code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
		second += skip + digits;
	}
	add_character(reader, code);
	reader->at = second;
	return true;
}

/* U&: \0061, \+000061 and \\, where another character may stand for the backslash */
static bool add_uescape(struct reader *reader, char escape)
{
	if (reader->at + 1 < reader->end && reader->at[1] == escape) {
		add_byte(reader, (unsigned char)escape);
		reader->at += 2;
		return true;
	}
	if (reader->at + 1 < reader->end && reader->at[1] == '+')
		return add_unicode(reader, 2, 6);
	return add_unicode(reader, 1, 4);
}

/* E'': \n, \101, \x41, \u0041, \U00000041; another character stands for itself. */
static bool add_backslash(struct reader *reader)
{
	static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	char second = reader->at + 1 < reader->end ? reader->at[1] : 0;
	const char *letter = second ? strchr(letters, second) : NULL;
	bool is_hex = second == 'x';
	unsigned long byte;
	size_t len = is_hex ? read_digits(reader, reader->at + 2, 16, 1, 2, &byte)
	                    : read_digits(reader, reader->at + 1, 8, 1, 3, &byte);

	if (!second)
		return false;
	if (second == 'u' || second == 'U')
		return add_unicode(reader, 2, second == 'u' ? 4 : 8);
	add_byte(reader, len      ? (unsigned int)byte & 0xff
	                 : letter ? (unsigned char)bytes[letter - letters]
	                          : (unsigned char)second);
	reader->at += len ? 1 + is_hex + len : 2;
	return true;
}

/* @at is behind a quote. Is it doubled? A quote ends a part of a string that goes on otherwise. */
static void pass_quote(struct reader *reader, char quote)
{
	reader->at++;
	if (reader->at == reader->end || *reader->at == quote) {
		add_byte(reader, (unsigned char)quote);
		reader->at += reader->at < reader->end;
		return;
	}
	while (reader->at < reader->end && *reader->at != quote) {
		const char *line = *reader->at == '-' ? memchr(reader->at, '\n',
		                                               (size_t)(reader->end - reader->at))
		                                      : NULL;

		reader->at = line ? line : reader->at + 1;
	}
	reader->at += reader->at < reader->end;
}

static char escape_of(const char *text, const struct token *token)
{
	size_t body_end = token->body + token->body_len + 1, end = token->at + token->len;

	if (token->kind == TOKEN_ESTRING)
		return '\\';
	if (token->kind != TOKEN_UQUOTED &&
	    (token->kind != TOKEN_OTHER_STRING || (text[token->at] | 32) != 'u'))
		return 0;
	return body_end < end ? text[end - 2] : '\\'; /* UESCAPE 'c' */
}

char *token_value(const char *text, const struct token *token)
{
	struct reader reader = { .at = text + token->body,
		                 .end = text + token->body + token->body_len };
	char quote = token->kind == TOKEN_QUOTED || token->kind == TOKEN_UQUOTED ? '"' : '\'';
	char escape = escape_of(text, token);

	if (token->kind == TOKEN_WORD || token->kind == TOKEN_DOLLAR) {
		char *value = str_copy_len(reader.at, token->body_len);

		for (char *to = value; token->kind == TOKEN_WORD && *to; to++)
			*to = *to >= 'A' && *to <= 'Z' ? (char)(*to | 32) : *to;
		return value;
	}
	while (reader.at < reader.end) {
		if (*reader.at == quote)
			pass_quote(&reader, quote);
		else if (!escape || *reader.at != escape ||
		         !(token->kind == TOKEN_ESTRING ? add_backslash(&reader)
		                                        : add_uescape(&reader, escape)))
			add_byte(&reader, (unsigned char)*reader.at++);
	}
	return str_take(&reader.value);
}
