/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_MODE_RECORD_LINE_H
#define BERTH_DB_MODE_RECORD_LINE_H
/*
 * The lines by which a coprocess reports records of a worker's sessions to its parent. The relay
 * sees sessions as they change, the sampler of private servers once a second.
 *
 *	idle MS@T COUNT		idle in a transaction, the oldest for MS
 *	ended MS COUNT		ended, because they were idle in a transaction for MS
 *	abandoned MS@T		ended with its process, idle in a transaction for MS or longer
 *	slow MS STATEMENT	without its values
 *	server-refused COUNT times in a row: TEXT
 *				clients of the suite, with the server's message
 *	pool USED of MAX	connections of the server
 *	connections MAX		at the same time; sent at the worker's end
 *	not-kept WHY		to keep it was asked for; sent at the worker's end
 *	superuser TEXT		the role of a URL is one, and that matters
 *	left-behind 'NAME', ...	databases that the suite created; sent at the worker's end
 *
 * T, which may be missing: when MS began, in milliseconds of CLOCK_MONOTONIC. A line comes late, so
 * its receiver cannot compute T.
 */
#include "tools/db/mode/mode.h"

/** Make a record of @text, if it is one of these lines. @port is virtual. */
void record_line_deliver(const struct db_worker *worker, uint16_t port, const char *text);

/** Add a database to the left-behind line in @line, which is empty at first. */
void record_line_add_leftover(struct str *line, const char *database);

#endif
