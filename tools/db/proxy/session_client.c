/* SPDX-License-Identifier: MIT */
/*
 * Messages of the client: statements, and the parameters of those that take names of databases.
 *
 * The relay does not answer a statement that must not run, because answers to earlier, pipelined
 * statements may still be under way. A statement that raises the error takes its place. So the
 * error comes in order, and a transaction is aborted as by any other error.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/db/sql/array.h"
#include "tools/db/proxy/array_binary.h"
#include "tools/db/proxy/session_parts.h"
#include "tools/db/proxy/wire.h"

const struct session_prepared *session_find_prepared(const struct session *session,
                                                     const char *name)
{
	const struct session_prepared *one = session->prepared;

	while (one && strcmp(one->name, name))
		one = one->next;
	return one;
}

void session_forget_prepared(struct session *session, const char *name)
{
	for (struct session_prepared **at = &session->prepared; *at; at = &(*at)->next) {
		struct session_prepared *one = *at;

		if (strcmp(one->name, name))
			continue;
		*at = one->next;
		free(one->name);
		free(one);
		return;
	}
}

static void add_refusal(const char *why, struct str *out)
{
	str_addf(out,
	         "DO $berth$BEGIN RAISE EXCEPTION USING ERRCODE='%s', MESSAGE=$$%s$$, HINT=$$%s$$; "
	         "END$berth$",
	         SESSION_REFUSED_CODE, why, SESSION_REFUSED_HINT);
}

enum rewrite_outcome { OUTCOME_SAME, OUTCOME_CHANGED, OUTCOME_REFUSED };

/*
 * Append the statement for the server, unless it stays as it is.
 * @ret_params	as in struct rewrite_result
 */
static enum rewrite_outcome rewrite_text(struct session *session, const char *text, size_t len,
                                         uint64_t *ret_params, struct str *out)
{
	enum rewrite_outcome outcome = OUTCOME_SAME;
	struct rewrite_result result;

	if (!mention_in_text(session->names, text, len))
		return OUTCOME_SAME;
	rewrite_statement(session->names, text, len, !session->escape_strings, &result);
	*ret_params = result.refusal ? 0 : result.params;
	if (result.refusal) {
		add_refusal(rewrite_refusal_text(result.refusal), out);
		outcome = OUTCOME_REFUSED;
	} else if (result.changed) {
		str_add(out, result.text);
		outcome = OUTCOME_CHANGED;
	}
	if (outcome != OUTCOME_SAME)
		rewritten_add(&session->rewritten, &result, text, len);
	rewrite_free(&result);
	return outcome;
}

/* Query: string */
static bool map_query(struct session *session, const char *message, size_t len, struct str *out)
{
	size_t mark = wire_begin(out, 'Q');
	uint64_t params;

	if (len > WIRE_HEADER)
		slow_parse(&session->slow, "", message + WIRE_HEADER, len - WIRE_HEADER - 1);
	slow_begin(&session->slow);
	/* the server reports an error if there is a NUL before the end */
	if (len > WIRE_HEADER &&
	    strnlen(message + WIRE_HEADER, len - WIRE_HEADER) == len - WIRE_HEADER - 1 &&
	    rewrite_text(session, message + WIRE_HEADER, len - WIRE_HEADER - 1, &params, out) !=
	            OUTCOME_SAME) {
		str_add_len(out, "", 1);
		wire_end(out, mark);
		return true;
	}
	out->len = mark - 1;
	return false;
}

/* Parse: name, statement, types of parameters */
static bool map_parse(struct session *session, const char *message, size_t len, struct str *out)
{
	size_t at = WIRE_HEADER, mark = wire_begin(out, 'P'), before = out->len;
	const char *name = wire_string(message, len, &at);
	const char *text = name ? wire_string(message, len, &at) : NULL;
	enum rewrite_outcome outcome;
	uint64_t params = 0;
	struct session_prepared *one;

	if (!text)
		goto unchanged;
	slow_parse(&session->slow, name, text, strlen(text));
	if (session->prepared)
		session_forget_prepared(session, name);
	str_add_len(out, name, strlen(name) + 1);
	outcome = rewrite_text(session, text, strlen(text), &params, out);
	if (params) {
		one = mem_alloc(sizeof(*one));
		*one = (struct session_prepared){ session->prepared, str_copy(name), params };
		session->prepared = one;
	}
	if (outcome == OUTCOME_SAME)
		goto unchanged;
	str_add_len(out, "", 1);
	if (outcome == OUTCOME_REFUSED)
		wire_add16(out, 0);
	else
		str_add_len(out, message + at, len - at);
	wire_end(out, mark);
	return true;
unchanged:
	out->len = before - 5;
	return false;
}

static void map_value(struct names *names, const char *value, size_t len, struct str *out)
{
	if (array_physical(names, value, len, out) || array_binary_physical(names, value, len, out))
		return;
	if (memchr(value, 0, len))
		str_add_len(out, value, len);
	else
		names_physical(names, value, len, out);
}

/* Append the values of a Bind; @at: of their count. Return: false if it is malformed. */
static bool map_values(struct session *session, const char *message, size_t len, size_t at,
                       uint64_t params, struct str *out)
{
	uint16_t count;

	if (len - at < 2)
		return false;
	count = wire_get16(message + at);
	str_add_len(out, message + at, 2);
	at += 2;
	for (uint16_t i = 0; i < count; i++) {
		size_t mark = out->len;
		uint32_t size;

		if (len - at < 4)
			return false;
		size = wire_get32(message + at);
		at += 4;
		wire_add32(out, size);
		if (size == UINT32_MAX)
			continue;
		if (size > len - at)
			return false;
		if (i < REWRITE_PARAMS_MAX && params >> i & 1 && size)
			map_value(session->names, message + at, size, out);
		else
			str_add_len(out, message + at, size);
		wire_put32(out->text + mark, (uint32_t)(out->len - mark - 4));
		at += size;
	}
	str_add_len(out, message + at, len - at);
	return true;
}

/* Bind: portal, statement, formats, values, formats of results */
static bool map_bind(struct session *session, const char *message, size_t len, struct str *out)
{
	size_t at = WIRE_HEADER, before = out->len, mark;
	const char *portal = wire_string(message, len, &at);
	const char *name = portal ? wire_string(message, len, &at) : NULL;
	const struct session_prepared *one = name ? session_find_prepared(session, name) : NULL;
	size_t formats;

	if (!one || len - at < 2)
		return false;
	formats = 2 + 2 * (size_t)wire_get16(message + at);
	if (formats > len - at)
		return false;
	mark = wire_begin(out, 'B');
	str_add_len(out, message + WIRE_HEADER, at + formats - WIRE_HEADER);
	if (map_values(session, message, len, at + formats, one->params, out)) {
		wire_end(out, mark);
		return true;
	}
	out->len = before;
	return false;
}

static void note_bind(struct session *session, const char *message, size_t len)
{
	size_t at = WIRE_HEADER;
	const char *name;

	if (!session->slow.least_ms || !wire_string(message, len, &at))
		return;
	name = wire_string(message, len, &at);
	if (name)
		slow_bind(&session->slow, name);
}

static bool map_client(struct session *session, const char *message, size_t len, struct str *out)
{
	switch (*message) {
	case 'Q': return map_query(session, message, len, out);
	case 'P': return map_parse(session, message, len, out);
	case 'B':
		note_bind(session, message, len);
		return session->prepared && map_bind(session, message, len, out);
	case 'S': slow_begin(&session->slow); return false;
	case 'C':
		if (session->prepared && len > WIRE_HEADER + 1 && message[WIRE_HEADER] == 'S' &&
		    !message[len - 1])
			session_forget_prepared(session, message + WIRE_HEADER + 1);
		return false;
	default: return false;
	}
}

bool session_inspect_client(struct session *session, const char *message, size_t len,
                            bool may_hold_name, struct str *out)
{
	bool changed = map_client(session, message, len, out);

	(void)may_hold_name;
	rewritten_sent(&session->rewritten, *message);
	return changed;
}
