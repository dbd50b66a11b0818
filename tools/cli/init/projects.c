/* SPDX-License-Identifier: MIT */
/*
 * The projects of a configuration of Playwright: `name:` of each object in the list `projects`, on
 * one line or on many. A small lexer passes over strings, comments and nested brackets, so that the
 * name of a web server or of a reporter is none.
 */
#include "tools/cli/init/look.h"

#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

/* Return: the length of a comment or a string at @at; 0 = it is neither. */
static size_t passed_len(const char *at)
{
	const char *end = at + 1;

	if (str_starts(at, "//"))
		return strcspn(at, "\n");
	if (str_starts(at, "/*")) {
		end = strstr(at + 2, "*/");
		return end ? (size_t)(end - at) + 2 : strlen(at);
	}
	if (!strchr("'\"`", *at))
		return 0;
	while (*end && *end != *at)
		end += end[0] == '\\' && end[1] ? 2 : 1;
	return (size_t)(end - at) + (*end != 0);
}

static bool is_word(char one)
{
	return one == '_' || one == '$' || (one >= '0' && one <= '9') ||
	       (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z');
}

/* Return: what follows the key @name at @at: "name:", 'name' :, projects = ...; NULL = another. */
static const char *after_key(const char *text, const char *at, const char *name)
{
	size_t len = strlen(name), quote = *at == '"' || *at == '\'';

	if ((at > text && is_word(at[-1])) || strncmp(at + quote, name, len))
		return NULL;
	at += quote + len + quote;
	at += strspn(at, " \t\n");
	return *at == ':' || *at == '=' ? at + 1 + strspn(at + 1, " \t\n") : NULL;
}

static unsigned int line_of(const char *text, const char *at)
{
	unsigned int line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

/* A name with a comma cannot be given to --each; one of a template string is not known here. */
static void add_name(struct scan *scan, const char *value, struct place place)
{
	size_t len = passed_len(value);
	cleanup_free char *name = len > 2 ? str_copy_len(value + 1, len - 2) : NULL;

	if (name && strchr("'\"`", *value) && !strpbrk(name, ",\n\\") && !strstr(name, "${"))
		scan_add(scan, SCAN_TASK, name, place);
}

/* @list: behind the bracket of the list. Return: its end. */
static const char *read_list(struct scan *scan, const char *text, const char *list,
                             struct place place)
{
	unsigned int depth = 1; /* 1: in the list, 2: in an object of the list */
	const char *at = list;

	while (*at && depth) {
		const char *value = depth == 2 ? after_key(text, at, "name") : NULL;
		size_t len = value ? (size_t)(value - at) : passed_len(at);

		place.line = line_of(text, at);
		if (value)
			add_name(scan, value, place);
		depth += !len && strchr("[{(", *at);
		depth -= !len && strchr("]})", *at);
		at += len ? len : 1;
	}
	return at;
}

void look_projects(struct scan *scan, const char *text, struct place place)
{
	const char *at = text;

	while (*at) {
		const char *value = after_key(text, at, "projects");
		size_t len = value ? 0 : passed_len(at);

		if (value && *value == '[')
			at = read_list(scan, text, value + 1, place);
		else
			at += len ? len : 1;
	}
}
