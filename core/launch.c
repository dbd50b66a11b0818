/* SPDX-License-Identifier: MIT */
/*
 * No libc function is called here: the shim compiles this file, too, and runs it in signal handlers
 * and in the children of vfork(2).
 */
#include "core/launch.h"

static size_t text_len(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	return len;
}

static char *append(char *to, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*to++ = text[i];
	return to;
}

enum berth_launch berth_launch_decide(enum berth_elf_verdict verdict, bool has_launcher)
{
	if (!berth_elf_escapes(verdict))
		return BERTH_LAUNCH_PLAIN;
	/* a filter may need no_new_privs, which takes from a set-user-id program what it is for */
	return has_launcher && verdict != BERTH_ELF_SECURE && verdict != BERTH_ELF_HIDDEN
	               ? BERTH_LAUNCH_FILTERED
	               : BERTH_LAUNCH_ESCAPES;
}

void berth_launch_argv(char **list, const char *launcher, const char *path, char *const *argv)
{
	*list++ = (char *)(uintptr_t)launcher;
	*list++ = (char *)(uintptr_t)path;
	while (argv && *argv)
		*list++ = *argv++;
	*list = NULL;
}

bool berth_launch_note(struct berth_portmap *map, enum berth_note_kind kind, int error,
                       const char *path, struct berth_note *ret_note)
{
	if (!berth_portmap_escape_first(map, path))
		return false;
	*ret_note = (struct berth_note){ .kind = (uint16_t)kind, .error = error };
	for (size_t i = 0; path[i] && i < BERTH_NOTE_TEXT - 1; i++)
		ret_note->text[i] = path[i];
	return true;
}

static size_t item_len(const char *item)
{
	size_t len = 0;

	while (item[len] && item[len] != ':' && item[len] != ' ')
		len++;
	return len;
}

static const char *next_item(const char *item)
{
	item += item_len(item);
	return item + (*item != 0);
}

static bool item_is(const char *item, const char *path)
{
	size_t len = item_len(item);

	for (size_t i = 0; path && i < len; i++)
		if (path[i] != item[i]) /* at the latest at the end of @path */
			return false;
	return path && !path[len];
}

bool berth_preload_has(const char *list, const char *path)
{
	for (; *list; list = next_item(list))
		if (item_is(list, path))
			return true;
	return false;
}

size_t berth_preload_write(char *to, const char *list, const char *drop, const char *drop_too,
                           const char *last)
{
	char *begin = to;

	for (; *list; list = next_item(list)) {
		if (!item_len(list) || item_is(list, drop) || item_is(list, drop_too))
			continue;
		to = append(to, ":", to > begin);
		to = append(to, list, item_len(list));
	}
	if (last) {
		to = append(to, ":", to > begin);
		to = append(to, last, text_len(last));
	}
	*to = 0;
	return (size_t)(to - begin);
}

bool berth_asan_is_set(const char *options)
{
	for (; *options; options = next_item(options)) {
		size_t i = 0;

		while (i < sizeof(BERTH_ASAN_NAME) - 1 && options[i] == BERTH_ASAN_NAME[i])
			i++;
		if (i == sizeof(BERTH_ASAN_NAME) - 1)
			return true;
	}
	return false;
}

void berth_asan_write(char *to, const char *options)
{
	to = append(to, options, text_len(options));
	to = append(to, ":", *options != 0);
	append(to, BERTH_ASAN_ITEM, sizeof(BERTH_ASAN_ITEM));
}
