/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_H
#define BERTH_DB_RENAME_H
/*
 * SQL from the client's world into the server's: database names in statements become physical.
 *
 * Ordinary statements are told apart by one pass over their bytes (rename_wanted()) and are never parsed. What is parsed
 * is rewritten as a list of edits, so that an error position can be told in the client's own text.
 */
#include <stdint.h>

#include "tools/db/sql/names.h"

enum { RENAME_PARAMS_MOST = 64 };

struct rename_edit {
	size_t at, removed; /* bytes of the original */
	char *text;         /* what stands there instead */
};

struct rename_result {
	bool changed;
	const char *refused;       /* why it must not run (static text); else NULL */
	char *text;                /* the rewritten statement, if changed */
	struct rename_edit *edits; /* in order */
	unsigned int edit_count;
	uint64_t params; /* bit n - 1: the value of $n is a database name */
};

/** False for nearly every statement: nothing in it can name a database. */
bool rename_wanted(const struct names *names, const char *text, size_t len);

/** The part of rename_wanted() that goes by words, not by names. */
bool rename_has_word(const char *text, size_t len);

/** @plain_strings standard_conforming_strings. @ret_result is the caller's to rename_free(). */
void rename_statement(struct names *names, const char *text, size_t len, bool plain_strings,
                      struct rename_result *ret_result);
void rename_free(struct rename_result *result);

extern const char rename_refused_long[]; /* nobody can tell what becomes of it */

bool rename_is_refusal(const char *message); /* one of the texts of rename_result.refused */

/** Where character @position (from 1) of the rewritten text stands in @original, in characters from 1. */
size_t rename_position(const struct rename_result *result, const char *original, size_t position);

#endif
