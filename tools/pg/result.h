/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_RESULT_H
#define BERTH_PG_RESULT_H
/* What the server says, in the client's world: physical names in rows, errors and notices become logical. */
#include "tools/pg/names.h"
#include "tools/pg/pending.h"

/** Which message types can hold a name. */
bool result_mappable(char type);

/**
 * Append the message (@message with its header, whole) as the client shall see it.
 * @statement	the one that is running, for an error's position; NULL = it was not rewritten
 */
void result_map(const struct names *names, const char *message, size_t len,
                const struct pending_statement *statement, struct str *ret_message);

#endif
