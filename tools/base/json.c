/* SPDX-License-Identifier: MIT */
/* Paths and arguments may hold any bytes; JSON must be UTF-8. */
#include "tools/base/json.h"

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

json_t *json_text(const char *text)
{
	cleanup_free char *copy = NULL;
	json_t *value = text ? json_string(text) : json_null();

	if (value)
		return value;
	copy = str_copy(text);
	for (char *at = copy; *at; at++)
		if (*at & 0x80)
			*at = '?';
	return json_string(copy);
}

json_t *json_load_array(const char *path)
{
	json_t *array = json_load_file(path, 0, NULL);

	if (json_is_array(array))
		return array;
	json_decref(array);
	return json_array();
}

json_t *json_texts(char *const *strv)
{
	json_t *array = json_array();

	for (; strv && *strv; strv++)
		json_array_append_new(array, json_text(*strv));
	return array;
}

json_t *json_texts_redacted(char *const *strv)
{
	json_t *array = json_array();

	for (; strv && *strv; strv++) {
		cleanup_free char *plain = str_redacted(*strv);

		json_array_append_new(array, json_text(plain));
	}
	return array;
}
