/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PENDING_H
#define BERTH_DB_PENDING_H
/*
 * Statements that were rewritten and whose errors may still come. A client may send many before it reads an answer, so
 * both directions are counted: a Query, a FunctionCall and a Sync are each answered by one ReadyForQuery, and between two
 * of those each Parse by one ParseComplete, unless there was an error.
 *
 *	pending_add()	before pending_sent() of the message that holds the statement
 *	pending_find()	for an error, before pending_got() of anything later
 */
#include "tools/db/sql/rewrite.h"

struct pending_statement {
	struct pending_statement *next;
	struct rename_result result;
	char *original;
	unsigned int ready, parses; /* how many answers come before its own */
};

struct pending {
	struct pending_statement *first, *last;
	/* sent by the client, parses since the last that ReadyForQuery answers */
	unsigned int ready_due, parses_due;
	unsigned int ready, parses; /* answered by the server */
	bool by_sync;               /* the last that ReadyForQuery answers was a Sync */
	bool bound;                 /* the last that was parsed is bound, and not executed yet */
};

void pending_free(struct pending *pending);

/** @result becomes the room's own. */
void pending_add(struct pending *pending, struct rename_result *result, const char *original,
                 size_t len);

void pending_sent(struct pending *pending, char type);
void pending_got(struct pending *pending, char type);

/** The statement that the server is at. Return: NULL if that was not rewritten. */
const struct pending_statement *pending_find(const struct pending *pending);

#endif
