/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RESULT_H
#define BERTH_DB_RESULT_H
/* What the server says, in the client's world: physical names in rows, errors and notices become logical. */
#include "tools/db/sql/names.h"
#include "tools/db/proxy/rewritten.h"

/** Which message types can hold a name. */
bool result_mappable(char type);

/**
 * Append the message (@message with its header, whole) as the client shall see it.
 * @statement	the one that is running, for an error's position; NULL = it was not rewritten
 */
void result_map(const struct names *names, const char *message, size_t len,
                const struct rewritten_statement *statement, struct str *ret_message);

#endif
