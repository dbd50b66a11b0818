/* SPDX-License-Identifier: MIT */
/* See sighting.h. */
#include "tools/pg/sighting.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;
	enum pg_record_kind kind;
	bool has_ms;
} sightings[] = {
	{ "idle ", PG_RECORD_IDLE, true },
	{ "ended ", PG_RECORD_IDLE_ENDED, true },
	{ "abandoned ", PG_RECORD_ABANDONED, true },
	{ "slow ", PG_RECORD_SLOW, true },
	{ "turned-away ", PG_RECORD_REFUSED, false },
	{ "pool ", PG_RECORD_POOL, false },
	{ "connections ", PG_RECORD_CONNECTIONS, false },
	{ "left-behind ", PG_RECORD_LEFT, false },
};

void sighting_add_left(struct str *line, const char *database)
{
	str_addf(line, "%s'%s'", line->len ? ", " : "left-behind ", database);
}

void sighting_record(const struct pg_worker *worker, uint16_t port, const char *text)
{
	for (size_t i = 0; i < sizeof(sightings) / sizeof(*sightings); i++) {
		char *detail = (char *)(uintptr_t)text + strlen(sightings[i].word);
		int64_t ms = -1;

		if (!str_starts(text, sightings[i].word))
			continue;
		if (sightings[i].has_ms)
			ms = strtoll(detail, &detail, 10);
		pg_record(worker, sightings[i].kind, port, ms, detail + strspn(detail, " "));
		return;
	}
}
