/* SPDX-License-Identifier: MIT */
/* What several engines do in the same way. */
#include "tools/db/engine/engine.h"

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

char *engine_as_user(const struct db_programs *programs, const char *command)
{
	return programs->uid ? str_print("runuser -u %s -- %s", programs->user, command)
	                     : str_copy(command);
}
