/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_SLOW_H
#define BERTH_DB_SLOW_H
/* Which statements take long, and how a statement may be shown: without its values, which may be somebody's. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/str.h"

enum { SLOW_TEXT = 512, SLOW_SHOWN = 200, SLOW_NAME = 64 };

typedef void (*slow_fn)(void *arg, int64_t ms, const char *text, size_t len);

/* The statements of one connection, by what is said on it. One with .least_ms 0 only counts what is due. */
struct slow {
	int64_t least_ms, since_ms;
	slow_fn tell;
	void *arg;
	unsigned int due;     /* ReadyForQuery messages that the client waits for */
	bool goes_on;         /* slow_swallowed(): what begins next has begun long ago */
	char text[SLOW_TEXT]; /* the beginning of the last statement */
	size_t len;
	char name[SLOW_NAME]; /* under which it was prepared */
};

void slow_parse(struct slow *slow, const char *name, const char *text, size_t len);
void slow_bind(struct slow *slow, const char *name);
void slow_begin(struct slow *slow); /* the server has all that it needs for an answer */
/* it has not answered, and will not before the next begins */
void slow_swallowed(struct slow *slow);
void slow_ready(struct slow *slow, int64_t now_ms); /* it has answered */

/** Append the statement without comments, strings and numbers; one line, cut at SLOW_SHOWN bytes. */
void slow_show(const char *text, size_t len, struct str *ret_shown);

#endif
