/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_STR_H
#define BERTH_BASE_STR_H
/*
 * Strings, growing buffers and NULL-terminated vectors of strings.
 *
 * Memory: what these return is the caller's to free(). Running out of memory in one of our own short-lived processes is
 * not survivable in a useful way: they print one line and exit 125. (The shim, which lives in other people's processes,
 * allocates nothing at all.)
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))

void *mem_alloc(size_t size);                            /* zeroed */
void *mem_grow(void *memory, size_t count, size_t size); /* reallocarray(3) */

char *str_copy(const char *text); /* NULL stays NULL */
char *str_copy_len(const char *text, size_t len);
char *str_print(const char *format, ...) PRINTF(1, 2);
char *str_vprint(const char *format, va_list list);
bool str_equal(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/**
 * A decimal number in [low, high], the whole of @text.
 * Return: 0; -EINVAL if it is none, -ERANGE if it is outside. *ret_number is written only on success.
 */
int str_number(const char *text, long low, long high, long *ret_number);

/* A buffer that grows. {0} is empty; .text is NULL or NUL-terminated, and free()d by str_free(). */
struct str {
	char *text;
	size_t len, room;
};
void str_add(struct str *str, const char *text);
void str_add_len(struct str *str, const char *text, size_t len);
void str_addf(struct str *str, const char *format, ...) PRINTF(2, 3);
char *str_take(struct str *str); /* the text, "" if empty; the buffer is empty afterwards */
void str_free(struct str *str);
#define cleanup_str __attribute__((cleanup(str_free)))

/**
 * The first password of a URL in @text: postgresql://user:PASSWORD@host, postgresql://host/name?user=x&password=PASSWORD. When in
 * doubt it is one: it may have any character that a client takes for a part of it (RFC 3986 allows commas and apostrophes).
 * Return: points into @text; NULL if there is none.
 */
const char *str_password(const char *text, size_t *ret_len);

/* @text with *** in the place of each. */
char *str_redacted(const char *text);

/* In place: what a terminal would obey (control characters, also those that UTF-8 writes as two bytes) becomes '?', but @but. */
void str_plain(char *text, const char *but);

/* @text as one word of a POSIX shell: in single quotes, but where it needs none. */
char *str_shell_word(const char *text);

/* NULL-terminated vectors; NULL is the empty one. */
size_t strv_len(char *const *strv);
void strv_add(char ***strv, const char *text); /* a copy */
void strv_own(char ***strv, char *text);       /* the text itself */
char **strv_copy(char *const *strv);
char **strv_split(const char *text, const char *separators); /* empty items are left out */
bool strv_has(char *const *strv, const char *text);
void strv_free(char **strv);

#endif
