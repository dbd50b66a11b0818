/* SPDX-License-Identifier: MIT */
/*
 * Time runs from the message that lets the server begin (Query, Sync) to its ReadyForQuery. A
 * pipelined statement begins when the one before is answered. A statement that was prepared long
 * ago is known by its name only: it would cost memory to remember every text.
 */
#include "tools/db/proxy/slow.h"

#include <stdio.h>
#include <string.h>

#include "tools/base/clock.h"
#include "tools/db/sql/lexer.h"

void slow_parse(struct slow *slow, const char *name, const char *text, size_t len)
{
	if (!slow->least_ms)
		return;
	slow->len = len < SLOW_TEXT ? len : SLOW_TEXT;
	memcpy(slow->text, text, slow->len);
	(void)snprintf(slow->name, sizeof(slow->name), "%s", name);
}

void slow_bind(struct slow *slow, const char *name)
{
	if (!slow->least_ms || !strncmp(name, slow->name, SLOW_NAME - 1))
		return;
	(void)snprintf(slow->name, sizeof(slow->name), "%s", name);
	slow->len = (size_t)snprintf(slow->text, SLOW_TEXT, "EXECUTE \"%s\"", slow->name);
}

void slow_begin(struct slow *slow)
{
	if (!slow->due++ && slow->least_ms && !slow->goes_on)
		slow->since_ms = clock_ms();
	slow->goes_on = false;
}

void slow_unanswered(struct slow *slow)
{
	slow->goes_on = slow->due;
	slow->due = 0;
}

void slow_ready(struct slow *slow, int64_t now_ms)
{
	if (!slow->due)
		return;
	if (slow->least_ms && now_ms - slow->since_ms >= slow->least_ms)
		slow->report(slow->arg, now_ms - slow->since_ms, slow->text, slow->len);
	slow->due--;
	slow->since_ms = now_ms;
}

static bool is_value(enum token_kind kind)
{
	return kind == TOKEN_STRING || kind == TOKEN_ESTRING || kind == TOKEN_OTHER_STRING ||
	       kind == TOKEN_DOLLAR || kind == TOKEN_LONG_TAG || kind == TOKEN_NUMBER;
}

void slow_show(const char *text, size_t len, struct str *ret_shown)
{
	struct lexer lexer = { .plain_strings = true };
	size_t begin = ret_shown->len, after = 0;
	struct token token;

	lexer_feed(&lexer, text, len, true);
	while (lexer_next(&lexer, &token)) {
		if (ret_shown->len > begin && token.at > after)
			str_add(ret_shown, " ");
		after = token.at + token.len;
		if (is_value(token.kind))
			str_add(ret_shown, "?");
		else
			str_add_len(ret_shown, text + token.at, token.len);
		if (ret_shown->len - begin > SLOW_SHOWN) {
			ret_shown->len = begin + SLOW_SHOWN;
			ret_shown->text[ret_shown->len] = '\0';
			str_add(ret_shown, "...");
			return;
		}
	}
}
