/* SPDX-License-Identifier: MIT */
/* Turns the lines of coprocesses into records, in the supervisor. */
#include "tools/db/mode/record_line.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"

static const struct {
	const char *word;
	enum db_record_kind kind;
	bool has_ms;
} records[] = {
	{ "idle ", DB_RECORD_IDLE, true },
	{ "ended ", DB_RECORD_IDLE_ENDED, true },
	{ "abandoned ", DB_RECORD_ABANDONED, true },
	{ "slow ", DB_RECORD_SLOW, true },
	{ "server-refused ", DB_RECORD_REFUSED, false },
	{ "pool ", DB_RECORD_POOL, false },
	{ "connections ", DB_RECORD_CONNECTIONS, false },
	{ "left-behind ", DB_RECORD_LEFTOVER, false },
};

void record_line_add_leftover(struct str *line, const char *database)
{
	str_addf(line, "%s'%s'", line->len ? ", " : "left-behind ", database);
}

void record_line_deliver(const struct db_worker *worker, uint16_t port, const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		char *detail = (char *)(uintptr_t)text + strlen(records[i].word);
		int64_t ms = -1;

		if (!str_starts(text, records[i].word))
			continue;
		if (records[i].has_ms)
			ms = strtoll(detail, &detail, 10);
		db_record(worker, records[i].kind, port, ms, detail + strspn(detail, " "));
		return;
	}
}
