/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_DIGEST_H
#define BERTH_DB_DIGEST_H
/* A name for whatever something is made from: the same parts in the same order give the same name. SHA-256, cut to 128 bits. */
#include <stddef.h>

struct digest;

/** Return: 0; -ELIBACC without OpenSSL. */
int digest_begin(struct digest **ret_digest);
void digest_text(struct digest *digest, const char *text); /* NULL is "" */
void digest_data(struct digest *digest, const void *data, size_t len);

/** 32 hexadecimal digits, the caller's; frees @digest. */
char *digest_end(struct digest *digest);

/** The name of one text; NULL without OpenSSL. */
char *digest_of(const char *text);

/** What tells one build of a program from another, without running it; NULL if it is not there. The caller's. */
char *digest_stamp(const char *program);

#endif
