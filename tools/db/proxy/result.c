/* SPDX-License-Identifier: MIT */
/*
 * A cell is changed only if it holds no NUL byte. Text and the binary form of string types never
 * hold one. The binary form of arrays and composites always does, and a change of length would
 * break the lengths inside. So the types in RowDescription need not be remembered.
 */
#include "tools/db/proxy/result.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/db/proxy/wire.h"

bool result_mappable(char type)
{
	return type == 'D' || type == 'E' || type == 'N' || type == 'A';
}

static void map_cell(const void *names, size_t i, const char *cell, size_t len, struct str *out)
{
	(void)i;
	if (memchr(cell, 0, len))
		str_add_len(out, cell, len);
	else
		names_logical(names, cell, len, out);
}

/* Return: false if the row is malformed; then the client gets it as it is. */
static bool map_row(const struct names *names, const char *body, size_t len, struct str *out)
{
	size_t at = 2;

	if (len < 2)
		return false;
	str_add_len(out, body, 2);
	return wire_map_cells(body, len, &at, wire_get16(body), map_cell, names, out) && at == len;
}

static void map_position(const char *value, const struct rewritten_statement *statement,
                         struct str *out)
{
	long position;

	if (statement && !str_number(value, 1, 1L << 30, &position))
		str_addf(out, "%zu",
		         rewrite_position(&statement->result, statement->original,
		                          (size_t)position));
	else
		str_add(out, value);
}

static bool map_fields(const struct names *names, const char *body, size_t len,
                       const struct rewritten_statement *statement, struct str *out)
{
	bool ours = false;
	size_t at = 0;

	while (at < len && body[at]) {
		char code = body[at++];
		const char *value = wire_string(body, len, &at);

		if (!value)
			return false;
		ours |= code == 'M' && rewrite_is_refusal(value);
		if (code == 'W' && ours)
			continue; /* a line in the statement of session_client.c */
		str_add_len(out, &code, 1);
		if (code == 'P')
			map_position(value, statement, out);
		else
			names_logical(names, value, strlen(value), out);
		str_add_len(out, "", 1);
	}
	str_add_len(out, "", 1);
	return at + 1 == len;
}

/* NotificationResponse: the sender's process, the channel, the payload. */
static bool map_notification(const struct names *names, const char *body, size_t len,
                             struct str *out)
{
	if (len < 4)
		return false;
	str_add_len(out, body, 4);
	names_logical(names, body + 4, len - 4, out);
	return true;
}

void result_map(const struct names *names, const char *message, size_t len,
                const struct rewritten_statement *statement, struct str *ret_message)
{
	size_t before = ret_message->len, mark = wire_begin(ret_message, *message);
	const char *body = message + WIRE_HEADER;
	bool done;

	if (*message == 'D')
		done = map_row(names, body, len - WIRE_HEADER, ret_message);
	else if (*message == 'A')
		done = map_notification(names, body, len - WIRE_HEADER, ret_message);
	else
		done = map_fields(names, body, len - WIRE_HEADER, statement, ret_message);
	if (done) {
		wire_end(ret_message, mark);
		return;
	}
	ret_message->len = before;
	str_add_len(ret_message, message, len);
}
