/* SPDX-License-Identifier: MIT */
/* Turns the lines of coprocesses into records, in the supervisor. */
#include "tools/db/mode/record_line.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word; /* NULL = no coprocess reports it */
	bool has_ms;
} records[DB_RECORD_KINDS] = {
#define RECORD(id, name, word, has_ms) [DB_RECORD_##id] = { word, has_ms },
#include "tools/db/mode/records.def"
};

void record_line_add_leftover(struct str *line, const char *database)
{
	str_addf(line, "%s'%s'", line->len ? ", " : "left-behind ", database);
}

void record_line_deliver(const struct db_worker *worker, uint16_t port, const char *text)
{
	const struct db_config *config = &worker->db->config;
	size_t len = strcspn(text, " ");

	for (unsigned int kind = 0; kind < DB_RECORD_KINDS; kind++) {
		const char *word = records[kind].word;
		char *detail = (char *)(uintptr_t)text + len;
		struct db_record record = { .kind = (enum db_record_kind)kind,
			                    .worker = worker->number,
			                    .port = port,
			                    .ms = -1 };

		if (!word || strlen(word) != len || strncmp(text, word, len) != 0)
			continue;
		if (records[kind].has_ms)
			record.ms = strtoll(detail, &detail, 10);
		if (*detail == '@')
			record.since_ms = strtoll(detail + 1, &detail, 10);
		record.detail = detail + strspn(detail, " ");
		if (config->record)
			config->record(config->arg, &record);
		return;
	}
}
