/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_MENTION_H
#define BERTH_DB_MENTION_H
/*
 * May a statement name a database? The answer is no for nearly every statement, and costs one pass
 * over its bytes. A statement that may name one is parsed (rewrite.h), or is refused if it is too
 * long to be held in memory.
 */
#include <stdbool.h>
#include <stddef.h>

#include "tools/db/sql/names.h"

/**
 * Does @text hold a word that statements about databases have, or a database name that is known?
 */
bool mention_in_text(const struct names *names, const char *text, size_t len);

/** The same question about a statement that comes in pieces and is too long to be held. */
struct mention_scan;

/**
 * @names		must live as long as the scan
 * @plain_strings	standard_conforming_strings
 * Return: the caller's to free().
 */
struct mention_scan *mention_open(const struct names *names, bool plain_strings);

/**
 * Read the next piece. A NUL byte ends the statement; the bytes behind it are ignored.
 * Return: true if the statement, as if it ended with this piece, may name a database.
 */
bool mention_feed(struct mention_scan *scan, const char *piece, size_t len);

#endif
