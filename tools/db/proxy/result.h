/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RESULT_H
#define BERTH_DB_RESULT_H
/*
 * Messages of the server for the client: physical names in rows, errors and notices become logical.
 */
#include "tools/db/sql/names.h"
#include "tools/db/proxy/rewritten.h"

/** May a message of @type hold a name? */
bool result_mappable(char type);

/**
 * Append the message for the client.
 * @message	whole, with its header
 * @statement	the one that runs, for the position in an error; NULL if it was not rewritten
 */
void result_map(const struct names *names, const char *message, size_t len,
                const struct rewritten_statement *statement, struct str *ret_message);

#endif
