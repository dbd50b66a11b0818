/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_REWRITE_H
#define BERTH_DB_REWRITE_H
/*
 * SQL from the client's world into the server's: database names in statements become physical.
 *
 * Ordinary statements are told apart by one pass over their bytes (mention.h) and are never parsed. What is parsed
 * is rewritten as a list of edits, so that an error position can be told in the client's own text.
 */
#include <stdint.h>

#include "tools/db/sql/names.h"

enum { REWRITE_PARAMS_MAX = 64 };

struct rewrite_edit {
	size_t at, removed; /* bytes of the original */
	char *text;         /* what stands there instead */
};

struct rewrite_result {
	bool changed;
	const char *refused;        /* why it must not run (static text); else NULL */
	char *text;                 /* the rewritten statement, if changed */
	struct rewrite_edit *edits; /* in order */
	unsigned int edit_count;
	uint64_t params; /* bit n - 1: the value of $n is a database name */
};

/** @plain_strings standard_conforming_strings. @ret_result is the caller's to rewrite_free(). */
void rewrite_statement(struct names *names, const char *text, size_t len, bool plain_strings,
                       struct rewrite_result *ret_result);
void rewrite_free(struct rewrite_result *result);

extern const char rewrite_refused_long[]; /* nobody can tell what becomes of it */

bool rewrite_is_refusal(const char *message); /* one of the texts of rewrite_result.refused */

/** Where character @position (from 1) of the rewritten text stands in @original, in characters from 1. */
size_t rewrite_position(const struct rewrite_result *result, const char *original, size_t position);

#endif
