/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_HASH_H
#define BERTH_CORE_HASH_H
/*
 * FNV-1a, 32 bits. It must not change: names on database servers and the number of a project's
 * first port block are made of it.
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
