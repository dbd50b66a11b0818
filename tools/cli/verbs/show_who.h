/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_SHOW_WHO_H
#define BERTH_CLI_SHOW_WHO_H
/* How `berth who` is shown: for eyes and for programs. Pure text making; verb_who() prints it. */
#include <stdint.h>

#include "tools/base/str.h"
#include "tools/watch/lookup/who.h"

/* an owner of former runs, from the history */
struct show_past {
	char *run, *task, *command, *until; /* "2026-11-20 14:03:11" */
	unsigned int worker;
	int pid;
};

/** Local time of @ms since 1970, "2026-11-20 14:03:11"; a new string. */
char *show_time(int64_t ms);

void show_who_text(const struct who *who, const struct show_past *past, size_t past_count,
                   struct str *text);
void show_who_json(const struct who *who, const struct show_past *past, size_t past_count,
                   struct str *text);

#endif
