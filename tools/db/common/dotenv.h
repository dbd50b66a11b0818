/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_DOTENV_H
#define BERTH_DB_DOTENV_H
/* The text of a .env file: lines NAME=VALUE, with quotes, `export` and references ${NAME}. */

/**
 * Return: the value of @name, references expanded but in single quotes; NULL if there is none. The
 * caller's to free.
 */
char *dotenv_get(const char *text, const char *name);

/**
 * Expand ${NAME}, ${NAME-DEFAULT} and ${NAME:-DEFAULT} in @value by the variables of @text. A
 * reference to none of them, without a default, stays as it is.
 * Return: the caller's to free.
 */
char *dotenv_expand(const char *text, const char *value);

#endif
