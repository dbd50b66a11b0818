/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_ARRAY_BINARY_H
#define BERTH_DB_ARRAY_BINARY_H
/*
 * Database names in an array of text in the binary form of the protocol (array_send() of
 * PostgreSQL).
 *
 * Both append the array with its names mapped. Return: false if @data is no such array; then
 * nothing is appended.
 */
#include <stdbool.h>
#include <stddef.h>

#include "tools/db/sql/names.h"

bool array_binary_physical(struct names *names, const char *data, size_t len, struct str *out);
bool array_binary_logical(const struct names *names, const char *data, size_t len, struct str *out);

#endif
