/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_RETRY_H
#define BERTH_DB_RENAME_RETRY_H
/*
 * Pauses between attempts: they double up to a maximum. Each is lengthened or shortened by up to a
 * half, by chance. So processes that failed at the same moment do not return at the same moment.
 */
#include <stdint.h>

enum { RETRY_FIRST_MS = 50, RETRY_MAX_MS = 3000 };

/* Return: the pause after one of @ms. */
static inline int retry_grown_ms(int ms, int max_ms)
{
	return ms < max_ms / 2 ? ms * 2 : max_ms;
}

/* @random	any byte. Return: ms / 2 ... 3 * ms / 2. */
static inline int retry_spread_ms(int ms, uint8_t random)
{
	return ms / 2 + ms * random / 255;
}

#endif
