/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_SLOW_H
#define BERTH_DB_SLOW_H
/* Statements that take long, and how they are shown: without values, which may be private. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/str.h"

enum { SLOW_TEXT = 512, SLOW_SHOWN = 200, SLOW_NAME = 64 };

typedef void (*slow_fn)(void *arg, int64_t ms, const char *text, size_t len);

/* The statements of one connection. With .least_ms 0 it only counts the answers that are due. */
struct slow {
	int64_t least_ms, since_ms;
	slow_fn report;
	void *arg;
	unsigned int due;     /* ReadyForQuery messages that the client waits for */
	bool goes_on;         /* slow_unanswered(): the next statement has begun already */
	char text[SLOW_TEXT]; /* the beginning of the last statement */
	size_t len;
	char name[SLOW_NAME]; /* under which it was prepared */
};

/** A statement is prepared; @name is "" for an unnamed one. */
void slow_parse(struct slow *slow, const char *name, const char *text, size_t len);

/** A prepared statement is bound. */
void slow_bind(struct slow *slow, const char *name);

/** The server may answer from now on: Query, Sync. */
void slow_begin(struct slow *slow);

/** It will not answer what has begun, but only what begins next. */
void slow_unanswered(struct slow *slow);

/** It has answered: ReadyForQuery. */
void slow_ready(struct slow *slow, int64_t now_ms);

/** Append @text in one line of at most SLOW_SHOWN bytes, without comments, strings and numbers. */
void slow_show(const char *text, size_t len, struct str *ret_shown);

#endif
