/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_HASH_H
#define BERTH_CORE_HASH_H
/*
 * FNV-1a in 32 and 64 bits. The names of databases on servers, the place of a project's first block
 * and keys of advisory locks are made of it: it must not change.
 */
#include "core/types.h"

#define BERTH_HASH   2166136261u /* the first value of a hash */
#define BERTH_HASH64 14695981039346656037ull

static inline uint32_t berth_hash_byte(uint32_t hash, uint8_t byte)
{
	return (hash ^ byte) * 16777619u;
}

static inline uint64_t berth_hash64_byte(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * 1099511628211ull;
}

static inline uint32_t berth_hash_text(uint32_t hash, const char *text)
{
	while (*text)
		hash = berth_hash_byte(hash, (uint8_t)*text++);
	return hash;
}

#endif
