/* SPDX-License-Identifier: MIT */
/* Mapping of names as plain text; names.h has the scheme. */
#include "tools/db/sql/names.h"

#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "tools/base/cleanup.h"

static const char *const shared_names[] = { "postgres", "template0", "template1" };

void names_init(struct names *names, const char *suffix)
{
	*names = (struct names){ .suffix = str_copy(suffix), .suffix_len = strlen(suffix) };
}

void names_free(struct names *names)
{
	free(names->suffix);
	strv_free(names->known);
	strv_free(names->cut_physical);
	strv_free(names->cut_logical);
	*names = (struct names){ 0 };
}

bool names_is_shared(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(shared_names); i++)
		if (strlen(shared_names[i]) == len && !memcmp(shared_names[i], name, len))
			return true;
	return false;
}

bool names_is_known(const struct names *names, const char *name, size_t len)
{
	for (char **known = names->known; known && *known; known++)
		if (strlen(*known) == len && !memcmp(*known, name, len))
			return true;
	return false;
}

bool names_may_learn(const struct names *names, const char *logical, size_t len)
{
	return strv_len(names->known) < NAMES_MAX || names_is_shared(logical, len) ||
	       names_is_known(names, logical, len);
}

bool names_is_cut(const struct names *names, const char *logical)
{
	return strlen(logical) > NAMES_BYTES - names->suffix_len;
}

void names_learn(struct names *names, const char *logical, size_t len)
{
	if (len && !names_is_shared(logical, len) && !names_is_known(names, logical, len))
		strv_own(&names->known, str_copy_len(logical, len));
}

/* Return: the length to which PostgreSQL cuts @name: never inside a character. */
static size_t cut(const char *name, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && ((unsigned char)name[max] & 0xc0) == 0x80)
		max--;
	return max;
}

uint32_t names_hash(const char *text, size_t len)
{
	uint32_t hash = BERTH_HASH;

	for (size_t i = 0; i < len; i++)
		hash = berth_hash_byte(hash, (uint8_t)text[i]);
	return hash;
}

void names_physical(struct names *names, const char *logical, size_t len, struct str *ret_physical)
{
	size_t space = NAMES_BYTES - names->suffix_len;
	cleanup_free char *whole = NULL, *physical = NULL;

	len = cut(logical, strnlen(logical, len), NAMES_BYTES);
	if (names_is_shared(logical, len) ||
	    (len > names->suffix_len &&
	     !memcmp(logical + len - names->suffix_len, names->suffix, names->suffix_len))) {
		str_add_len(ret_physical, logical, len);
		return;
	}
	if (len <= space) {
		str_add_len(ret_physical, logical, len);
		str_add(ret_physical, names->suffix);
		return;
	}
	whole = str_copy_len(logical, len);
	whole[cut(logical, len, space - 7)] = 0;
	physical = str_print("%s~%06x%s", whole, names_hash(logical, len) & 0xffffff,
	                     names->suffix);
	str_add(ret_physical, physical);
	if (!strv_has(names->cut_physical, physical)) {
		strv_add(&names->cut_physical, physical);
		strv_own(&names->cut_logical, str_copy_len(logical, len));
	}
}

static bool in_name(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '_' || byte == '$' || (byte & 0x80);
}

bool names_has_suffix(const struct names *names, const void *text, size_t len)
{
	return memmem(text, len, names->suffix, names->suffix_len);
}

/* Replace the cut name at the end of @text, if there is one, by the whole name. */
static void restore_cut(const struct names *names, struct str *text)
{
	for (size_t i = 0; names->cut_physical && names->cut_physical[i]; i++) {
		size_t len = strlen(names->cut_physical[i]) - names->suffix_len;

		if (text->len < len ||
		    memcmp(text->text + text->len - len, names->cut_physical[i], len))
			continue;
		text->len -= len;
		str_add(text, names->cut_logical[i]);
		return;
	}
}

void names_logical(const struct names *names, const char *text, size_t len, struct str *ret_text)
{
	const char *end = text + len, *found;

	while ((found = memmem(text, (size_t)(end - text), names->suffix, names->suffix_len))) {
		const char *after = found + names->suffix_len;

		str_add_len(ret_text, text, (size_t)(found - text));
		if (after < end && in_name(*after))
			str_add(ret_text, names->suffix);
		else
			restore_cut(names, ret_text);
		text = after;
	}
	str_add_len(ret_text, text, (size_t)(end - text));
}
