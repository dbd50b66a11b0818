/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_DIGEST_H
#define BERTH_DB_DIGEST_H
/* A name for all that a thing is made from: the same parts in the same order give the same name. */
#include <stddef.h>

struct digest;

/** Return: 0; -ELIBACC without OpenSSL. */
int digest_begin(struct digest **ret_digest);
void digest_text(struct digest *digest, const char *text); /* NULL is "" */
void digest_data(struct digest *digest, const void *data, size_t len);

/** Return: 32 hexadecimal digits, the caller's to free. Frees @digest. */
char *digest_end(struct digest *digest);

/** The name of one text; NULL without OpenSSL. */
char *digest_of(const char *text);

/**
 * Return: path, size and time of @program, which tell its builds apart; NULL if it is missing. The
 * caller's to free.
 */
char *digest_stamp(const char *program);

#endif
