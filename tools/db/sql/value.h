/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_VALUE_H
#define BERTH_DB_VALUE_H
/*
 * The value of a token: what a name or a string stands for, however it is written (PostgreSQL's
 * manual, chapter 4.1). Two tokens with the same value name the same object.
 */
#include "tools/db/sql/lexer.h"

/**
 * Return: the value of a name or a string; for the caller to free. A word is folded to lower case.
 * Quotes are undoubled; a string that goes on in another line is joined; escapes are characters in
 * UTF-8. A malformed escape stays as it is, for the server to report. The text of a number, a sign
 * or a string of bits.
 *
 * A token U&'' or U&"" may include its clause UESCAPE 'c'.
 */
char *token_value(const char *text, const struct token *token);

#endif
