/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_NAMES_H
#define BERTH_DB_NAMES_H
/*
 * The two names of a database. The logical name, which the suite uses, becomes the physical name
 * NAME_SUFFIX on the server. The suffix (`_auth_tests_k3f9x2`) belongs to one worker and ends in a
 * random generation. So a text of the server becomes logical by removal of the suffix, wherever it
 * stands. A name that is too long for the suffix is cut and gets a hash; these names are
 * remembered. `postgres`, `template0` and `template1` are shared by all workers and keep their
 * names.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/str.h"

enum { NAMES_BYTES = 63, /* NAMEDATALEN - 1 */ NAMES_MAX = 1000 };

struct names {
	char *suffix; /* with its leading underscore */
	size_t suffix_len;
	char **known;                       /* strv: logical names, see names_learn() */
	char **cut_physical, **cut_logical; /* strv, side by side */
};

void names_init(struct names *names, const char *suffix);
void names_free(struct names *names);

/** Is @name that of a shared database? */
bool names_is_shared(const char *name, size_t len);

/** Remember a logical name: from URLs, start-up packets and CREATE DATABASE. */
void names_learn(struct names *names, const char *logical, size_t len);
bool names_is_known(const struct names *names, const char *name, size_t len);

/** Return: false if @logical would be a new name beyond NAMES_MAX. */
bool names_may_learn(const struct names *names, const char *logical, size_t len);

/** FNV-1a. It is a part of names on servers: it must not change. */
uint32_t names_hash(const char *text, size_t len);

/**
 * Append the physical name of @logical, at most NAMES_BYTES. A shared or a physical name stays as
 * it is.
 */
void names_physical(struct names *names, const char *logical, size_t len, struct str *ret_physical);

/** Is @logical too long for the suffix? */
bool names_is_cut(const struct names *names, const char *logical);

/** May @text hold a physical name? */
bool names_has_suffix(const struct names *names, const void *text, size_t len);

/** Append @text with every physical name in it replaced by the logical one. */
void names_logical(const struct names *names, const char *text, size_t len, struct str *ret_text);

#endif
