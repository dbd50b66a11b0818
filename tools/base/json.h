/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_JSON_H
#define BERTH_BASE_JSON_H
/* Strings of any bytes as JSON, for jansson. */
#include <jansson.h>

/**
 * @text as a string value. If it is not UTF-8, '?' replaces each byte above 127.
 * Return: a new reference; null for NULL.
 */
json_t *json_text(const char *text);

/** The array in file @path, empty if there is none or it is broken. Return: a new reference. */
json_t *json_load_array(const char *path);

/* A strv as an array of such values; the second hides the passwords of URLs. */
json_t *json_texts(char *const *strv);
json_t *json_texts_redacted(char *const *strv);

#endif
