/* SPDX-License-Identifier: MIT */
/* The line of source that a finding points at, for formats that annotate files. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

enum { LINE_MAX_LEN = 300 };

/*
 * Return: @file relative to the project, inside @file; NULL if it lies elsewhere. A relative name
 *	   may be the project's, or may be relative to the directory where a library was built, as
 *	   those of the C library are.
 */
static const char *find_in_project(const char *file, const struct report_options *options)
{
	const char *project = options->project_dir;
	size_t len = project ? strlen(project) : 0;

	if (*file != '/') {
		cleanup_free char *path = str_print("%s/%s", project ? project : ".", file);
		struct stat info;

		return str_starts(file, "../") || stat(path, &info) || !S_ISREG(info.st_mode)
		               ? NULL
		               : file;
	}
	return len && !strncmp(file, project, len) && file[len] == '/' ? file + len + 1 : NULL;
}

/* @place: "FILE:LINE", with more after the number. Return: false if it is not in the project. */
static bool parse_place(const char *place, size_t len, const struct report_options *options,
                        char **ret_file, int *ret_line)
{
	cleanup_free char *file = str_copy_len(place, len);
	char *colon = strrchr(file, ':');

	if (!colon || atoi(colon + 1) <= 0)
		return false;
	*colon = 0;
	if (!find_in_project(file, options))
		return false;
	*ret_file = str_copy(find_in_project(file, options));
	*ret_line = atoi(colon + 1);
	return true;
}

bool finding_find_place(const json_t *finding, const struct report_options *options,
                        char **ret_file, int *ret_line)
{
	const char *test = record_text(finding, "test");
	cleanup_strv char **words = NULL;
	const json_t *frame;
	size_t i;

	json_array_foreach(json_object_get(finding, "stack"), i, frame)
	{
		const char *at = strstr(record_string(frame), " at ");

		if (at && parse_place(at + 4, strlen(at + 4), options, ret_file, ret_line))
			return true;
	}
	/* reporters name a test "e2e/cart.spec.js:12 adds" */
	if (parse_place(test, strcspn(test, " "), options, ret_file, ret_line))
		return true;
	/* the program that did it: "node server.js" */
	words = strv_split(record_text(finding, "command"), " ");
	for (char **word = words; word && *word; word++)
		if (strchr(*word, '.') && find_in_project(*word, options)) {
			*ret_file = str_copy(find_in_project(*word, options));
			*ret_line = 1;
			return true;
		}
	return false;
}

char *text_find_place(const char *text, const struct report_options *options)
{
	static const char ends[] = " \t\r\n()[]{}<>'\"`,;";

	for (text += strspn(text, ends); *text; text += strspn(text, ends)) {
		size_t len = strcspn(text, ends);
		cleanup_free char *word = str_copy_len(text, len), *file = NULL;
		char *from = str_starts(word, "file://") ? word + 7 : word, *colon = from;
		int line;

		text += len;
		/* the first number is the line, the next the column */
		while ((colon = strchr(colon, ':')) && !isdigit((unsigned char)colon[1]))
			colon++;
		if (!colon || strstr(word, "node_modules/") ||
		    !memchr(from, '.', (size_t)(colon - from)))
			continue;
		colon[1 + strspn(colon + 1, "0123456789")] = 0;
		if (parse_place(from, strlen(from), options, &file, &line))
			return str_print("%s:%d", file, line);
	}
	return NULL;
}

const char *test_split(const char *test, size_t *ret_file, int *ret_line)
{
	size_t len = strcspn(test, " "), file = len, digits = len;

	*ret_file = 0;
	*ret_line = 0;
	if (!test[len] || !len)
		return test;
	while (digits && isdigit((unsigned char)test[digits - 1]))
		digits--;
	if (digits > 1 && digits < len && test[digits - 1] == ':') {
		file = digits - 1;
		*ret_line = atoi(test + digits);
	} else if (!memchr(test, '/', len) && (len < 3 || !memchr(test + 1, '.', len - 2))) {
		return test;
	}
	*ret_file = file;
	return test + len + 1;
}

char *text_without_colours(const char *text)
{
	struct str plain = { 0 };

	while (*text) {
		size_t len = strcspn(text, "\033");

		str_add_len(&plain, text, len);
		text += len;
		if (*text && *++text == '[') {
			text += 1 + strspn(text + 1, "0123456789;:?");
			text += *text != 0;
		}
	}
	return str_take(&plain);
}

char *text_first_line(const char *text)
{
	cleanup_free char *plain = text_without_colours(text);
	const char *from = plain + strspn(plain, " \t\r\n");
	size_t len = 0;

	while (from[len] && from[len] != '\n' && len < LINE_MAX_LEN)
		len += str_char_len(from + len);
	return str_copy_len(from, len);
}
