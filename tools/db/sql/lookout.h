/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_LOOKOUT_H
#define BERTH_DB_LOOKOUT_H
/*
 * The gate of renaming (mention_in_text()) for a statement that is too long to be held: it is fed piece by piece as it
 * streams, and answers after each piece whether what has come so far may name a database.
 */
#include <stdbool.h>
#include <stddef.h>

#include "tools/db/sql/names.h"

struct lookout;

/** @names must live as long. @plain_strings standard_conforming_strings. Return: the caller's to free(). */
struct lookout *lookout_open(const struct names *names, bool plain_strings);

/** Return: true if the statement, up to the end of @text, may name a database. Once true, always true. */
bool lookout_feed(struct lookout *lookout, const char *text, size_t len);

#endif
