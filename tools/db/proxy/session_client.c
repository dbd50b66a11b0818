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
	const char *text = message + WIRE_HEADER;
	size_t text_len = len > WIRE_HEADER ? len - WIRE_HEADER - 1 : 0, mark;
	cleanup_str struct str changed = { 0 };
	uint64_t params;

	slow_parse(&session->slow, "", text, text_len);
	slow_begin(&session->slow);
	/* the server reports an error if the first NUL is not the last byte */
	if (len == WIRE_HEADER || strnlen(text, text_len + 1) != text_len ||
	    rewrite_text(session, text, text_len, &params, &changed) == OUTCOME_SAME)
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
	uint64_t params = 0;

	if (!text)
		return false;
	slow_parse(&session->slow, name, text, strlen(text));
	session_forget_prepared(session, name);
	outcome = rewrite_text(session, text, strlen(text), &params, &changed);
	if (params) {
		struct session_prepared *one = mem_alloc(sizeof(*one));

		*one = (struct session_prepared){ session->prepared, str_copy(name), params };
		session->prepared = one;
	}
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

struct bind {
	struct names *names;
	uint64_t params; /* as in struct rewrite_result */
};

static void map_value(const void *arg, size_t i, const char *value, size_t len, struct str *out)
{
	const struct bind *bind = arg;
	bool is_name = i < REWRITE_PARAMS_MAX && bind->params >> i & 1 && len;

	if (is_name && (names_physical_array(bind->names, value, len, out) ||
	                array_binary_physical(bind->names, value, len, out)))
		return;
	if (is_name && !memchr(value, 0, len))
		names_physical(bind->names, value, len, out);
	else
		str_add_len(out, value, len);
}

/* Bind: portal, statement, formats, values, formats of results */
static bool map_bind(struct session *session, const char *message, size_t len, struct str *out)
{
	size_t at = WIRE_HEADER, before = out->len, formats, mark;
	const struct session_prepared *one;
	const char *name = NULL;
	struct bind bind;

	if (!session->prepared && !session->slow.least_ms)
		return false;
	if (wire_string(message, len, &at))
		name = wire_string(message, len, &at);
	if (!name)
		return false;
	slow_bind(&session->slow, name);
	one = session_find_prepared(session, name);
	if (!one || len - at < 2)
		return false;
	formats = 2 + 2 * (size_t)wire_get16(message + at);
	if (formats + 2 > len - at)
		return false;
	at += formats + 2;
	bind = (struct bind){ session->names, one->params };
	mark = wire_begin(out, 'B');
	str_add_len(out, message + WIRE_HEADER, at - WIRE_HEADER);
	if (!wire_map_cells(message, len, &at, wire_get16(message + at - 2), map_value, &bind,
	                    out)) {
		out->len = before;
		return false;
	}
	str_add_len(out, message + at, len - at);
	wire_end(out, mark);
	return true;
}

static bool map_client(struct session *session, const char *message, size_t len, struct str *out)
{
	switch (*message) {
	case 'Q': return map_query(session, message, len, out);
	case 'P': return map_parse(session, message, len, out);
	case 'B': return map_bind(session, message, len, out);
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
