/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_SHOW_WHO_H
#define BERTH_CLI_SHOW_WHO_H
/* The output of `berth who`, as text and as JSON. These functions only build strings. */
#include <stdint.h>

#include "tools/base/str.h"
#include "tools/watch/lookup/who.h"

/* a former owner of the port, from the history */
struct show_past {
	char *run, *task, *command;
	char *since, *until; /* "2026-11-20 14:03:11"; @until NULL = not recorded */
	unsigned int worker;
	int pid;
};

/**
 * @ms	CLOCK_REALTIME in milliseconds
 * Return: the local time, "2026-11-20 14:03:11"; a new string.
 */
char *show_time(int64_t ms);

void show_who_text(const struct who *who, const struct show_past *past, size_t past_count,
                   struct str *text);
void show_who_json(const struct who *who, const struct show_past *past, size_t past_count,
                   struct str *text);

#endif
