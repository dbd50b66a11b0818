/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_RETRY_H
#define BERTH_DB_RENAME_RETRY_H
/*
 * Pauses between attempts: they double up to a most, and each is half to one and a half of its length, by chance, so that many
 * who failed at one moment do not come back at one moment.
 */
#include <stdint.h>

enum { RETRY_FIRST_MS = 50, RETRY_MAX_MS = 3000 };

/* The pause after one of @ms. */
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
