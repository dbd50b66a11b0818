/* SPDX-License-Identifier: MIT */
/*
 * Messages of the client: statements.
 *
 * The relay does not answer a statement that must not run, because answers to earlier, pipelined
 * statements may still be under way. A statement that raises the error takes its place. So the
 * error comes in order, and a transaction is aborted as by any other error.
 */
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/db/proxy/session_parts.h"
#include "tools/db/proxy/wire.h"

static void add_refusal(const char *why, struct str *out)
{
	str_addf(out,
	         "DO $berth$BEGIN RAISE EXCEPTION USING ERRCODE='%s', MESSAGE=$$%s$$, HINT=$$%s$$; "
	         "END$berth$",
	         SESSION_REFUSED_CODE, why, SESSION_REFUSED_HINT);
}

enum rewrite_outcome { OUTCOME_SAME, OUTCOME_CHANGED, OUTCOME_REFUSED };

/* Append the statement for the server, unless it stays as it is. */
static enum rewrite_outcome rewrite_text(struct session *session, const char *text, size_t len,
                                         struct str *out)
{
	const struct rewrite_session about = { session->names, session->database,
		                               !session->escape_strings };
	enum rewrite_outcome outcome = OUTCOME_SAME;
	struct rewrite_result result;

	if (!mention_in_text(session->names, text, len))
		return OUTCOME_SAME;
	rewrite_statement(&about, text, len, &result);
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
	const char *text = message + WIRE_HEADER;
	size_t text_len = len > WIRE_HEADER ? len - WIRE_HEADER - 1 : 0, mark;
	cleanup_str struct str changed = { 0 };

	slow_parse(&session->slow, "", text, text_len);
	slow_begin(&session->slow);
	/* the server reports an error if the first NUL is not the last byte */
	if (len == WIRE_HEADER || strnlen(text, text_len + 1) != text_len ||
	    rewrite_text(session, text, text_len, &changed) == OUTCOME_SAME)
		return false;
	mark = wire_begin(out, 'Q');
	str_add_len(out, changed.text, changed.len + 1);
	wire_end(out, mark);
	return true;
}

/* Parse: name, statement, types of parameters */
static bool map_parse(struct session *session, const char *message, size_t len, struct str *out)
{
	size_t at = WIRE_HEADER, mark;
	const char *name = wire_string(message, len, &at);
	const char *text = name ? wire_string(message, len, &at) : NULL;
	cleanup_str struct str changed = { 0 };
	enum rewrite_outcome outcome;

	if (!text)
		return false;
	slow_parse(&session->slow, name, text, strlen(text));
	outcome = rewrite_text(session, text, strlen(text), &changed);
	if (outcome == OUTCOME_SAME)
		return false;
	mark = wire_begin(out, 'P');
	str_add_len(out, name, strlen(name) + 1);
	str_add_len(out, changed.text, changed.len + 1);
	if (outcome == OUTCOME_REFUSED)
		wire_add16(out, 0);
	else
		str_add_len(out, message + at, len - at);
	wire_end(out, mark);
	return true;
}

/* Bind: portal, statement */
static void note_bind(struct session *session, const char *message, size_t len)
{
	size_t at = WIRE_HEADER;
	const char *name = session->slow.least_ms && wire_string(message, len, &at)
	                           ? wire_string(message, len, &at)
	                           : NULL;

	if (name)
		slow_bind(&session->slow, name);
}

static bool map_client(struct session *session, const char *message, size_t len, struct str *out)
{
	switch (*message) {
	case 'Q': return map_query(session, message, len, out);
	case 'P': return map_parse(session, message, len, out);
	case 'B': note_bind(session, message, len); return false;
	case 'S': slow_begin(&session->slow); return false;
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
