/* SPDX-License-Identifier: MIT */
/* The table of engines, and what several of them do in the same way. */
#include "tools/db/engine/engine.h"

const struct db_engine *const db_engines[DB_KINDS] = {
#define DATABASE_KIND(id, name, ...) [DB_KIND_##id] = &db_engine_##name,
#include "core/databases.def"
};

void engine_add_quoted(struct str *sql, const char *text, char quote)
{
	str_add_len(sql, &quote, 1);
	for (; *text; text++) {
		if (*text == '\n') {
			str_add(sql, quote == '\'' ? "\\n" : " ");
			continue;
		}
		if (*text == quote || (*text == '\\' && quote == '\''))
			str_add_len(sql, text, 1);
		str_add_len(sql, text, 1);
	}
	str_add_len(sql, &quote, 1);
}

char *const *engine_settings(const struct template_plan *plan, uint16_t port)
{
	for (unsigned int i = 0; i < plan->spec_count; i++)
		if (plan->specs[i].port == port)
			return plan->specs[i].settings;
	return NULL;
}

char *engine_as_user(const struct db_programs *programs, const char *command)
{
	return programs->uid ? str_print("runuser -u %s -- %s", programs->user, command)
	                     : str_copy(command);
}
