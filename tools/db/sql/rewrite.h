/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_REWRITE_H
#define BERTH_DB_REWRITE_H
/*
 * A client's statement for the server: logical database names become physical ones (names.h).
 *
 * Ask mention_in_text() first: nearly every statement need not be parsed. The result keeps its
 * edits, so that the position in an error can be told in the client's own text.
 */
#include <stdint.h>

#include "tools/db/sql/names.h"

enum rewrite_refusal {
	REFUSAL_NONE,
	REFUSAL_SHARED,   /* it changes a database that all workers share */
	REFUSAL_LONG,     /* it has more tokens or bytes than are read */
	REFUSAL_CATALOG,  /* it changes catalog rows of unnamed databases */
	REFUSAL_SESSIONS, /* it reads or numbers sessions of all workers */
};

struct rewrite_edit {
	size_t at, removed; /* bytes of the original */
	char *text;         /* what stands there instead */
	int order;          /* at one place: parse_enclose() */
};

struct rewrite_result {
	bool changed;
	enum rewrite_refusal refusal;
	char *text;                 /* the rewritten statement, if changed */
	struct rewrite_edit *edits; /* in order */
	unsigned int edit_count;
};

/* What a statement depends on besides its text. */
struct rewrite_session {
	struct names *names;  /* it learns the names of databases that statements create */
	const char *database; /* that the session is in, by its logical name; NULL = none */
	bool plain_strings;   /* standard_conforming_strings */
};

/** @ret_result		for rewrite_free() */
void rewrite_statement(const struct rewrite_session *session, const char *text, size_t len,
                       struct rewrite_result *ret_result);
void rewrite_free(struct rewrite_result *result);

/** Return: the message for the client, static. */
const char *rewrite_refusal_text(enum rewrite_refusal refusal);

/** Is @message the text of a refusal? */
bool rewrite_is_refusal(const char *message);

/**
 * Return: where character @position (from 1) of the rewritten text stands in @original, in
 * characters from 1.
 */
size_t rewrite_position(const struct rewrite_result *result, const char *original, size_t position);

#endif
