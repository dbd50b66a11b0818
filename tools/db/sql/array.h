/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_ARRAY_H
#define BERTH_DB_ARRAY_H
/*
 * Database names in arrays of text: `{a,"b c"}` and the binary form that the protocol also knows. Each appends the array with
 * its names mapped. Return: false if @data is no such array; then nothing was appended. Total on any bytes.
 */
#include <stdbool.h>
#include <stddef.h>

#include "tools/db/sql/names.h"

bool array_is_text(const char *data, size_t len); /* as far as its ends can tell */
bool array_physical_text(struct names *names, const char *data, size_t len, struct str *out);
bool array_physical_binary(struct names *names, const char *data, size_t len, struct str *out);
bool array_logical_binary(const struct names *names, const char *data, size_t len, struct str *out);

#endif
