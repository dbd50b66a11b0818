/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_NAMES_H
#define BERTH_DB_NAMES_H
/*
 * The two names of a database. Every database that a worker names becomes NAME_SUFFIX on the server, where the suffix
 * (`_auth_tests_k3f9x2`) is the worker's own and ends in a random generation; so what the server says is mapped back by
 * taking the suffix off, wherever it stands, without knowing the name. A name too long for that is cut and hashed, and
 * those few are remembered. `postgres`, `template0` and `template1` are everybody's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/str.h"

enum { NAMES_BYTES = 63, /* NAMEDATALEN - 1 */ NAMES_MAX = 1000 };

struct names {
	char *suffix; /* with its leading underscore */
	size_t suffix_len;
	/* strv: logical names seen so far: from the URLs, start-up packets, CREATE DATABASE */
	char **known;
	char **cut_physical, **cut_logical; /* strv, side by side */
};

void names_init(struct names *names, const char *suffix);
void names_free(struct names *names);

bool names_is_shared(const char *name, size_t len); /* postgres, template0, template1 */
/* one of these, as LIKE understands it */
bool names_matches_shared(const char *pattern, size_t len);
bool names_is_known(const struct names *names, const char *name, size_t len);
void names_learn(struct names *names, const char *logical, size_t len);
/* false: NAMES_MAX are enough for any suite */
bool names_may_learn(const struct names *names, const char *logical, size_t len);

/* FNV-1a; part of names on servers: it must not change */
uint32_t names_hash(const char *text, size_t len);

/** Append the physical name of @logical. A shared name, or one that is physical already, stays as it is. */
void names_physical(struct names *names, const char *logical, size_t len, struct str *ret_physical);

/** True if @text may hold a physical name. */
bool names_has_suffix(const struct names *names, const void *text, size_t len);

/** Append @text with every physical name in it replaced by the logical one. */
void names_logical(const struct names *names, const char *text, size_t len, struct str *ret_text);

#endif
