/* SPDX-License-Identifier: MIT */
/* See str.h. */
#include "tools/base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *must(void *memory)
{
	static const char words[] = "berth: out of memory\n";

	if (memory)
		return memory;
	if (write(STDERR_FILENO, words, sizeof(words) - 1) < 0)
		_exit(125);
	_exit(125);
}

void *mem_alloc(size_t size)
{
	return must(calloc(1, size ? size : 1));
}

void *mem_grow(void *memory, size_t count, size_t size)
{
	return must(reallocarray(memory, count ? count : 1, size));
}

char *str_copy(const char *text)
{
	return text ? must(strdup(text)) : NULL;
}

char *str_copy_len(const char *text, size_t len)
{
	return must(strndup(text, len));
}

char *str_vprint(const char *format, va_list list)
{
	char *text = NULL;

	if (vasprintf(&text, format, list) < 0)
		text = NULL;
	return must(text);
}

char *str_print(const char *format, ...)
{
	va_list list;
	char *text;

	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	return text;
}

bool str_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool str_starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

bool str_ends(const char *text, const char *suffix)
{
	size_t len = strlen(text), tail = strlen(suffix);

	return len >= tail && !strcmp(text + len - tail, suffix);
}

int str_number(const char *text, long low, long high, long *ret_number)
{
	char *end;
	long number;

	if (!text || (*text != '-' && (*text < '0' || *text > '9')))
		return -EINVAL;
	errno = 0;
	number = strtol(text, &end, 10);
	if (*end || end == text)
		return -EINVAL;
	if (errno || number < low || number > high)
		return -ERANGE;
	*ret_number = number;
	return 0;
}

void str_add_len(struct str *str, const char *text, size_t len)
{
	if (str->len + len + 1 > str->capacity) {
		str->capacity = (str->len + len + 1) * 2;
		str->text = mem_grow(str->text, str->capacity, 1);
	}
	memcpy(str->text + str->len, text, len);
	str->len += len;
	str->text[str->len] = 0;
}

void str_add(struct str *str, const char *text)
{
	str_add_len(str, text, strlen(text));
}

void str_addf(struct str *str, const char *format, ...)
{
	va_list list;
	char *text;

	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	str_add(str, text);
	free(text);
}

char *str_take(struct str *str)
{
	char *text = str->text ? str->text : str_copy("");

	*str = (struct str){ 0 };
	return text;
}

void str_free(struct str *str)
{
	free(str->text);
	*str = (struct str){ 0 };
}

/* The first password in @text. Return: inside @text; NULL if there is none. */
static const char *find_password(const char *text, size_t *ret_len)
{
	for (; *text; text++) {
		if (str_starts(text, "://")) {
			const char *user = text + 3,
				   *at = memrchr(user, '@', strcspn(user, "/ \t\r\n\""));
			const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;

			if (colon) {
				*ret_len = (size_t)(at - colon) - 1;
				return colon + 1;
			}
		} else if ((*text == '?' || *text == '&') && str_starts(text + 1, "password=")) {
			text += strlen("?password=");
			*ret_len = strcspn(text, "&# \t\r\n\"");
			return text;
		}
	}
	return NULL;
}

/* Return: the length of the UTF-8 character at @at; 0 = it is none. */
static size_t utf8_len(const unsigned char *at)
{
	size_t len = *at < 0x80   ? 1
	             : *at < 0xc2 ? 0
	             : *at < 0xe0 ? 2
	             : *at < 0xf0 ? 3
	             : *at < 0xf5 ? 4
	                          : 0;

	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t str_char_len(const char *text)
{
	size_t len = utf8_len((const unsigned char *)text);

	return len ? len : 1;
}

size_t str_unsafe_len(const char *text)
{
	static const struct {
		unsigned char first[3], last[3];
	} ranges[] = {
		{ { 0xe2, 0x80, 0xa8 }, { 0xe2, 0x80, 0xae } },
		{ { 0xe2, 0x81, 0xa6 }, { 0xe2, 0x81, 0xa9 } },
		{ { 0xef, 0xbf, 0xbe }, { 0xef, 0xbf, 0xbf } },
	};
	const unsigned char *at = (const unsigned char *)text;
	size_t len = utf8_len(at);

	if (!len)
		return 1;
	if (len == 1)
		return *at && (*at < ' ' || *at == 0x7f);
	if (len == 2)
		return *at == 0xc2 && at[1] < 0xa0 ? 2 : 0; /* C1 controls: U+0080 to U+009F */
	for (size_t i = 0; len == 3 && i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (memcmp(at, ranges[i].first, 3) >= 0 && memcmp(at, ranges[i].last, 3) <= 0)
			return 3;
	return 0;
}

void str_plain(char *text, const char *allowed)
{
	char *to = text;

	while (*text) {
		size_t len = str_char_len(text);
		bool shown = strchr(allowed, *text) || !str_unsafe_len(text);

		memmove(to, shown ? text : "?", shown ? len : 1);
		to += shown ? len : 1;
		text += len;
	}
	*to = 0;
}

char *str_shell_word(const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-";
	struct str word = { 0 };

	if (*text && !text[strspn(text, plain)])
		return str_copy(text);
	str_add(&word, "'");
	for (; *text; text++)
		str_add_len(&word, *text == '\'' ? "'\\''" : text, *text == '\'' ? 4 : 1);
	str_add(&word, "'");
	return str_take(&word);
}

char *str_redacted(const char *text)
{
	struct str out = { 0 };
	const char *password;
	size_t len;

	for (; (password = find_password(text, &len)); text = password + len) {
		str_add_len(&out, text, (size_t)(password - text));
		str_add(&out, "***");
	}
	str_add(&out, text);
	return str_take(&out);
}

void str_hide_passwords(char *text)
{
	const char *password;
	size_t len;

	while ((password = find_password(text, &len))) {
		text += password - text;
		memset(text, '*', len);
		text += len;
	}
}

size_t strv_len(char *const *strv)
{
	size_t len = 0;

	while (strv && strv[len])
		len++;
	return len;
}

void strv_own(char ***strv, char *text)
{
	size_t len = strv_len(*strv);

	*strv = mem_grow(*strv, len + 2, sizeof(char *));
	(*strv)[len] = text;
	(*strv)[len + 1] = NULL;
}

void strv_add(char ***strv, const char *text)
{
	strv_own(strv, str_copy(text));
}

char **strv_of_texts(const char *const *texts)
{
	char **strv = NULL;

	for (; *texts; texts++)
		strv_add(&strv, *texts);
	return strv;
}

char **strv_copy(char *const *strv)
{
	char **copy = NULL;

	for (; strv && *strv; strv++)
		strv_add(&copy, *strv);
	return copy;
}

char **strv_split(const char *text, const char *separators)
{
	char **strv = NULL;
	size_t count = 0;

	/* not strv_own(), whose search for the end makes long lists slow: 65 535 ports took 3 s */
	while (text && *text) {
		size_t len = strcspn(text, separators);

		if (len) {
			/* powers of two: the vector is full when its length is one, or at first */
			if (!(count & (count + 1)))
				strv = mem_grow(strv, 2 * count + 2, sizeof(char *));
			strv[count++] = str_copy_len(text, len);
			strv[count] = NULL;
		}
		text += len + (text[len] != 0);
	}
	return strv;
}

bool strv_has(char *const *strv, const char *text)
{
	for (; strv && *strv; strv++)
		if (!strcmp(*strv, text))
			return true;
	return false;
}

void strv_free(char **strv)
{
	for (char **item = strv; item && *item; item++)
		free(*item);
	free(strv);
}
