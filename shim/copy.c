/* SPDX-License-Identifier: MIT */
/* What compilers put calls to for copies and loops. A program without libc has none of these. */
#include "shim/shim.h"

#define OPAQUE(at) __asm__("" : "+r"(at)) /* or they put the same calls here */

void *memmove(void *to, const void *from, size_t len)
{
	const char *source = from;
	char *at = to;

	if (at <= source)
		while (len--) {
			*at++ = *source++;
			OPAQUE(at);
		}
	else
		while (len--) {
			at[len] = source[len];
			OPAQUE(at);
		}
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
	const char *source = from;
	char *at = to;

	for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t)) {
		__builtin_memcpy(at, source, sizeof(uint64_t));
		at += sizeof(uint64_t);
		source += sizeof(uint64_t);
		OPAQUE(at);
	}
	while (len--) {
		*at++ = *source++;
		OPAQUE(at);
	}
	return to;
}

void *memset(void *to, int byte, size_t len)
{
	char *at = to;

	while (len--) {
		*at++ = (char)byte;
		OPAQUE(at);
	}
	return to;
}

size_t strlen(const char *text)
{
	const char *at = text;

	while (*at) {
		at++;
		OPAQUE(at);
	}
	return (size_t)(at - text);
}
