/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_JSON_H
#define BERTH_BASE_JSON_H
/* What jansson leaves to its users. */
#include <jansson.h>

/**
 * A string value of any bytes: paths and arguments need not be UTF-8, JSON must be; a byte that is none becomes '?'.
 * Return: a new reference; null for NULL.
 */
json_t *json_text(const char *text);

/* A strv as an array of such values; NULL is the empty one. The second without the passwords of URLs. */
json_t *json_texts(char *const *strv);
json_t *json_texts_redacted(char *const *strv);

#endif
