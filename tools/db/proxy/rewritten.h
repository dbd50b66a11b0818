/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_REWRITTEN_H
#define BERTH_DB_REWRITTEN_H
/*
 * The statements that were rewritten and whose errors may still come. A client may send many before
 * it reads an answer, so both directions are counted. The server answers each Query, FunctionCall
 * and Sync by one ReadyForQuery. Between two of those it answers each Parse by one ParseComplete,
 * unless there was an error.
 *
 *	rewritten_add()		before rewritten_sent() of the message that holds the statement
 *	rewritten_find()	for an error, before rewritten_got() of any later message
 */
#include "tools/db/sql/rewrite.h"

struct rewritten_statement {
	struct rewritten_statement *next;
	struct rewrite_result result;
	char *original;
	unsigned int ready, parses; /* how many answers come before its own */
};

struct rewritten_list {
	struct rewritten_statement *first, *last;
	/* parses: since the last message that ReadyForQuery answers */
	unsigned int ready_due, parses_due; /* of the messages that the client sent */
	unsigned int ready, parses;         /* of the answers of the server */
	bool by_sync;                       /* the last that ReadyForQuery answers was a Sync */
	bool bound; /* the last that was parsed is bound, and not executed yet */
};

void rewritten_free(struct rewritten_list *list);

/** Add a statement. The list takes over @result. */
void rewritten_add(struct rewritten_list *list, struct rewrite_result *result, const char *original,
                   size_t len);

void rewritten_sent(struct rewritten_list *list, char type);
void rewritten_got(struct rewritten_list *list, char type);

/** Return: the statement that the server executes; NULL if it was not rewritten. */
const struct rewritten_statement *rewritten_find(const struct rewritten_list *list);

#endif
