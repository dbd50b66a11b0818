/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_STR_H
#define BERTH_BASE_STR_H
/*
 * Strings, growing buffers, and NULL-terminated vectors of strings (strv).
 *
 * The caller frees what these functions return. A process that runs out of memory prints one line
 * and exits 125. The shim, which runs in the suite's processes, allocates nothing and does not use
 * this file.
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
 * Parse @text as a decimal number from @low to @high.
 * Return: 0; -EINVAL not a number, -ERANGE out of range, and *ret_number is unchanged.
 */
int str_number(const char *text, long low, long high, long *ret_number);

/* A growing buffer; {0} is empty. .text is NULL or ends with NUL; str_free() frees it. */
struct str {
	char *text;
	size_t len, capacity;
};
void str_add(struct str *str, const char *text);
void str_add_len(struct str *str, const char *text, size_t len);
void str_addf(struct str *str, const char *format, ...) PRINTF(2, 3);
char *str_take(struct str *str); /* moves the text out, "" if it is empty */
void str_free(struct str *str);
#define cleanup_str __attribute__((cleanup(str_free)))

/**
 * A copy of @text with *** in place of each password of a URL: ://user:PASSWORD@host or
 * ?password=PASSWORD. A password may contain any character that a client accepts (RFC 3986).
 */
char *str_redacted(const char *text);

/** Overwrite each password in @text: ps(1) shows the words of our command line to all users. */
void str_hide_passwords(char *text);

/**
 * The characters at @text that may not be shown as they are: a control character, which a terminal
 * obeys; one that changes the direction or ends the line of a text (U+2028 to U+202E, U+2066 to
 * U+2069); one that XML forbids (U+FFFE, U+FFFF); a byte that is not UTF-8.
 * Return: their length in bytes; 0 = the character at @text may be shown.
 */
size_t str_unsafe_len(const char *text);

/** Return: the length of the character at @text in bytes; 1 for a byte that is not UTF-8. */
size_t str_char_len(const char *text);

/** Replace each of these by '?', in place, but keep those in @allowed. */
void str_plain(char *text, const char *allowed);

/** @text as one word of a POSIX shell, in single quotes if it needs them. */
char *str_shell_word(const char *text);

/* Vectors; NULL is an empty one. */
size_t strv_len(char *const *strv);
void strv_add(char ***strv, const char *text); /* adds a copy */
void strv_own(char ***strv, char *text);       /* takes @text over */
/* A strv of copies of texts: strv_of("ls", "-l", dir). */
#define strv_of(...) strv_of_texts((const char *const[]){ __VA_ARGS__, NULL })
char **strv_of_texts(const char *const *texts);
char **strv_copy(char *const *strv);
char **strv_split(const char *text, const char *separators); /* skips empty items */
bool strv_has(char *const *strv, const char *text);
void strv_free(char **strv);

#endif
