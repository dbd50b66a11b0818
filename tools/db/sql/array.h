/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_ARRAY_H
#define BERTH_DB_ARRAY_H
/* Database names in an array of text in its text form, `{a,"b c"}`. */
#include <stdbool.h>
#include <stddef.h>

#include "tools/db/sql/names.h"

/**
 * Append the array with its names made physical.
 * Return: false if @data has not the form of an array; then nothing is appended.
 */
bool array_physical(struct names *names, const char *data, size_t len, struct str *out);

#endif
