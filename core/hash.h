/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_HASH_H
#define BERTH_CORE_HASH_H
/*
 * FNV-1a, 32 bits. Names on database servers and the place of a project's first block are made of it: it must not change.
 */
#include "core/types.h"

#define BERTH_HASH 2166136261u /* where a hash begins */

static inline uint32_t berth_hash_byte(uint32_t hash, uint8_t byte)
{
	return (hash ^ byte) * 16777619u;
}

static inline uint32_t berth_hash_text(uint32_t hash, const char *text)
{
	while (*text)
		hash = berth_hash_byte(hash, (uint8_t)*text++);
	return hash;
}

#endif
