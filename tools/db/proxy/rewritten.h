/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_REWRITTEN_H
#define BERTH_DB_REWRITTEN_H
/*
 * Statements that were rewritten and whose errors may still come. A client may send many before it reads an answer, so
 * both directions are counted: a Query, a FunctionCall and a Sync are each answered by one ReadyForQuery, and between two
 * of those each Parse by one ParseComplete, unless there was an error.
 *
 *	rewritten_add()	before rewritten_sent() of the message that holds the statement
 *	rewritten_find()	for an error, before rewritten_got() of anything later
 */
#include "tools/db/sql/rewrite.h"

struct rewritten_statement {
	struct rewritten_statement *next;
	struct rewrite_result result;
	char *original;
	unsigned int ready, parses; /* how many answers come before its own */
};

struct rewritten {
	struct rewritten_statement *first, *last;
	/* sent by the client, parses since the last that ReadyForQuery answers */
	unsigned int ready_due, parses_due;
	unsigned int ready, parses; /* answered by the server */
	bool by_sync;               /* the last that ReadyForQuery answers was a Sync */
	bool bound;                 /* the last that was parsed is bound, and not executed yet */
};

void rewritten_free(struct rewritten *list);

/** @result becomes the room's own. */
void rewritten_add(struct rewritten *list, struct rewrite_result *result, const char *original,
                   size_t len);

void rewritten_sent(struct rewritten *list, char type);
void rewritten_got(struct rewritten *list, char type);

/** The statement that the server is at. Return: NULL if that was not rewritten. */
const struct rewritten_statement *rewritten_find(const struct rewritten *list);

#endif
