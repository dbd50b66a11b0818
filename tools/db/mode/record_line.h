/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_MODE_RECORD_LINE_H
#define BERTH_DB_MODE_RECORD_LINE_H
/*
 * What agents see of a worker's sessions, one line each. The relay sees it as it happens, the sampler of private servers once a
 * second.
 *
 *	idle MS COUNT		idle in transaction, the oldest for MS
 *	ended MS COUNT		for that
 *	abandoned MS		ended with its process, idle in a transaction for MS or longer
 *	slow MS STATEMENT	without values
 *	turned-away COUNT times in a row: TEXT	the server's answer to clients of the suite
 *	pool USED of MOST	connections of the server
 *	connections MOST	at once, told at the worker's end
 *	left-behind 'NAME', ...	databases made by the suite, told at the worker's end
 */
#include "tools/db/mode/mode.h"

/** Make a record of @text, if it is one of these. @port virtual. */
void record_line_deliver(const struct db_worker *worker, uint16_t port, const char *text);

/** One more database that was left: @line, empty at first, becomes such a sighting. */
void record_line_add_leftover(struct str *line, const char *database);

#endif
