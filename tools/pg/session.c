/* SPDX-License-Identifier: MIT */
/*
 * Most bytes are never looked at: each direction hops from message header to message header over what it has just read,
 * and hands runs of uninteresting messages on as they lie in the buffer. Only a message that may have to change is held
 * until it is whole; bulk (COPY data, rows beyond HOLD_MOST) streams through.
 *
 * A statement too long to be held streams through as well, behind a look-out for anything that may name a database. When
 * it sees one, the rest of the statement becomes NULs, which the server refuses as a whole, in order, whatever went before;
 * the client is told why instead. So are the parameters of one that takes names of databases.
 *
 * A statement that must not run is not answered by us, because answers to earlier, pipelined statements may still be under
 * way: a statement that raises the error takes its place, so the error comes in order, and a transaction is aborted as by
 * any other error.
 */
#include "tools/pg/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/pg/array.h"
#include "tools/pg/lookout.h"
#include "tools/pg/pending.h"
#include "tools/pg/result.h"
#include "tools/pg/wire.h"

enum { HOLD_MOST = 16 << 20, HOLD_KEEP = 256 << 10, HOLD_SMALL = 4096, MESSAGE_MOST = 1 << 30 };

struct prepared {		/* a prepared statement with parameters that are database names */
	struct prepared *next;
	char *name;
	uint64_t params;
};

struct stream {
	struct str held;	/* the beginning of a message that must be whole */
	uint64_t skip;		/* bytes of a message that streams through */
	struct lookout *lookout; /* of a statement that streams; else NULL */
	bool spoilt;		/* it becomes NULs from here on */
};

struct session {
	struct names *names;
	session_emit_fn emit;
	void *arg;
	struct stream client, server;
	struct prepared *prepared;
	struct pending pending;
	char *turned_away;
	struct slow slow;
	uint64_t refused;
	int64_t since_ms;
	char status;		/* of the last ReadyForQuery: I, T, E; 0 before the first */
	bool spoken;		/* the client has said something since */
	bool escape_strings;	/* standard_conforming_strings = off */
	struct str rejection;	/* session_rejection() */
	bool answered;
	bool spoilt;		/* a statement was, and its error is still to come */
	bool server_tls;	/* our way to the server is encrypted, the client's is another or none */
};

struct session *session_open(struct names *names, bool server_tls, session_emit_fn emit, void *arg)
{
	struct session *session = mem_alloc(sizeof(*session));

	*session = (struct session){ .names = names, .emit = emit, .arg = arg, .server_tls = server_tls,
				      .pending.ready_due = 1 /* the first ends the start */ };
	return session;
}

void session_tell_slow(struct session *session, int64_t least_ms, slow_fn tell, void *arg)
{
	session->slow = (struct slow){ .least_ms = least_ms, .tell = tell, .arg = arg };
}

static const struct prepared *find_prepared(const struct session *session, const char *name)
{
	const struct prepared *one = session->prepared;

	while (one && strcmp(one->name, name))
		one = one->next;
	return one;
}

static void forget_prepared(struct session *session, const char *name)
{
	for (struct prepared **at = &session->prepared; *at; at = &(*at)->next) {
		struct prepared *one = *at;

		if (strcmp(one->name, name))
			continue;
		*at = one->next;
		free(one->name);
		free(one);
		return;
	}
}

void session_free(struct session *session)
{
	if (!session)
		return;
	while (session->prepared)
		forget_prepared(session, session->prepared->name);
	pending_free(&session->pending);
	free(session->turned_away);
	str_free(&session->rejection);
	free(session->client.lookout);
	str_free(&session->client.held);
	str_free(&session->server.held);
	free(session);
}

bool session_is_idle_in_transaction(const struct session *session)
{
	return (session->status == 'T' || session->status == 'E') && !session->spoken && !session->slow.due;
}

bool session_begun(const struct session *session)
{
	return session->status;
}

char *session_turned_away(struct session *session)
{
	return steal(&session->turned_away);
}

int64_t session_since_ms(const struct session *session)
{
	return session->since_ms;
}

const struct str *session_rejection(const struct session *session)
{
	return session->rejection.len ? &session->rejection : NULL;
}

uint64_t session_refused(const struct session *session)
{
	return session->refused;
}

/* --- from the client --- */

static const char refused_code[] = "42501";
static const char refused_hint[] = "The server is shared: run with --db-mode private for a server of your own.";

static void refuse(struct session *session, const char *why, struct str *out)
{
	session->refused++;
	str_addf(out, "DO $berth$BEGIN RAISE EXCEPTION USING ERRCODE='%s', MESSAGE=$$%s$$, HINT=$$%s$$; END$berth$", refused_code,
		 why, refused_hint);
}

enum rewritten { SAME, CHANGED, REFUSED };

/* Append the statement as the server shall see it, unless it stays as it is. @ret_params as in struct rename_result. */
static enum rewritten rewrite(struct session *session, const char *text, size_t len, uint64_t *ret_params, struct str *out)
{
	enum rewritten rewritten = SAME;
	struct rename_result result;

	if (!rename_wanted(session->names, text, len))
		return SAME;
	rename_statement(session->names, text, len, !session->escape_strings, &result);
	*ret_params = result.refused ? 0 : result.params;
	if (result.refused) {
		refuse(session, result.refused, out);
		rewritten = REFUSED;
	} else if (result.changed) {
		str_add(out, result.text);
		rewritten = CHANGED;
	}
	if (rewritten != SAME)
		pending_add(&session->pending, &result, text, len);
	rename_free(&result);
	return rewritten;
}

/* Query: string */
static bool map_query(struct session *session, const char *message, size_t len, struct str *out)
{
	size_t mark = wire_begin(out, 'Q');
	uint64_t params;

	if (len > WIRE_HEADER)
		slow_parse(&session->slow, "", message + WIRE_HEADER, len - WIRE_HEADER - 1);
	slow_begin(&session->slow);
	/* a NUL before the end is an error that the server will tell */
	if (len > WIRE_HEADER && strnlen(message + WIRE_HEADER, len - WIRE_HEADER) == len - WIRE_HEADER - 1 &&
	    rewrite(session, message + WIRE_HEADER, len - WIRE_HEADER - 1, &params, out) != SAME) {
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
	enum rewritten rewritten;
	uint64_t params = 0;
	struct prepared *one;

	if (!text)
		goto unchanged;
	slow_parse(&session->slow, name, text, strlen(text));
	if (session->prepared)
		forget_prepared(session, name);
	str_add_len(out, name, strlen(name) + 1);
	rewritten = rewrite(session, text, strlen(text), &params, out);
	if (params) {
		one = mem_alloc(sizeof(*one));
		*one = (struct prepared){ session->prepared, str_copy(name), params };
		session->prepared = one;
	}
	if (rewritten == SAME)
		goto unchanged;
	str_add_len(out, "", 1);
	if (rewritten == REFUSED)
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
	if (array_physical_text(names, value, len, out) || array_physical_binary(names, value, len, out))
		return;
	if (memchr(value, 0, len))
		str_add_len(out, value, len);
	else
		names_physical(names, value, len, out);
}

/* The values of a Bind, from its count of values on. Return: false if it is malformed. */
static bool map_values(struct session *session, const char *message, size_t len, size_t at, uint64_t params, struct str *out)
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
		if (i < RENAME_PARAMS_MOST && params >> i & 1 && size)
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
	const struct prepared *one = name ? find_prepared(session, name) : NULL;
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
	case 'Q':
		return map_query(session, message, len, out);
	case 'P':
		return map_parse(session, message, len, out);
	case 'B':
		note_bind(session, message, len);
		return session->prepared && map_bind(session, message, len, out);
	case 'S':
		slow_begin(&session->slow);
		return false;
	case 'C':
		if (session->prepared && len > WIRE_HEADER + 1 && message[WIRE_HEADER] == 'S' && !message[len - 1])
			forget_prepared(session, message + WIRE_HEADER + 1);
		return false;
	default:
		return false;
	}
}

static bool inspect_client(struct session *session, const char *message, size_t len, bool suspicious, struct str *out)
{
	bool changed = map_client(session, message, len, out);

	(void)suspicious;
	pending_sent(&session->pending, *message);
	return changed;
}

static bool hold_client(char type, size_t total)
{
	return type == 'Q' || type == 'P' || type == 'B' ? total <= HOLD_MOST : type != 'd' && total <= HOLD_SMALL;
}

/* --- from the server --- */

static void note_parameter(struct session *session, const char *message, size_t len)
{
	static const char name[] = "standard_conforming_strings";
	size_t at = WIRE_HEADER;
	const char *key = wire_string(message, len, &at), *value = key ? wire_string(message, len, &at) : NULL;

	if (value && !strcmp(key, name))
		session->escape_strings = !strcmp(value, "off");
}

/*
 * AuthenticationSASL: over TLS the server offers channel binding, which covers the certificate that the client sees, and
 * that is not the server's. Without the offer a client without TLS goes on as usual.
 */
static bool without_binding(const char *message, size_t len, struct str *out)
{
	size_t at = WIRE_HEADER + 4, mark;

	if (len < at || wire_get32(message + WIRE_HEADER) != 10)
		return false;
	mark = wire_begin(out, 'R');
	wire_add32(out, 10);
	while (at < len && message[at]) {
		const char *mechanism = wire_string(message, len, &at);

		if (!mechanism)
			break;
		if (!str_ends(mechanism, "-PLUS"))
			str_add_len(out, mechanism, strlen(mechanism) + 1);
	}
	str_add_len(out, "", 1);
	wire_end(out, mark);
	return true;
}

/* An error in place of a session: insufficient resources (53), or it cannot now (57P). Who has a wrong password does not count. */
static void note_turned_away(struct session *session, const char *message, size_t len)
{
	const char *state = wire_error_field(message, len, 'C'), *text = wire_error_field(message, len, 'M');

	if (!state || !text || (!str_starts(state, "53") && !str_starts(state, "57P")))
		return;
	free(session->turned_away);
	session->turned_away = str_copy(text);
}

static bool error_has(const char *message, size_t len, const char *field)
{
	return *message == 'E' && memmem(message, len, field, strlen(field) + 1);
}

/* The server's words about a statement that was spoilt: "invalid message format", 08P01. */
static bool explain_spoilt(struct session *session, const char *message, size_t len, struct str *out)
{
	if (!session->spoilt || !error_has(message, len, "C08P01"))
		return false;
	session->spoilt = false;
	wire_error(out, "ERROR", "54000", rename_refused_long,
		   "Berth's relay reads statements up to 16 MB: send it by itself, or run with --db-mode private.");
	return true;
}

/* No line of pg_hba.conf lets us in; one that is for TLS only may. The words are in the server's language, the fields are not. */
static bool keep_rejection(struct session *session, const char *message, size_t len)
{
	if (session->server_tls || !error_has(message, len, "C28000") || !error_has(message, len, "RClientAuthentication"))
		return false;
	result_map(session->names, message, len, NULL, &session->rejection);
	return true;
}

/*
 * A client that knows of channel binding and was offered none says so, and the server takes that for an attack. Nobody but
 * the client can say otherwise, as its proof covers these words.
 */
static bool explain_binding(const struct session *session, const char *message, size_t len, struct str *out)
{
	if (!session->server_tls || !error_has(message, len, "Rread_client_first_message"))
		return false;
	wire_error(out, "FATAL", "28000", "SCRAM channel binding cannot pass Berth's relay, where the client's TLS ends",
		   "Connect with channel_binding=disable (PGCHANNELBINDING=disable), or with sslmode=prefer: the relay's own way "
		   "to the server is encrypted either way.");
	return true;
}

/* What stands in a refused statement's place takes no parameters: with some, the server complains of these first. */
static bool explain_refused(const struct session *session, const char *message, size_t len, struct str *out)
{
	const struct pending_statement *statement = pending_find(&session->pending);

	if (!statement || !statement->result.refused || !error_has(message, len, "C08P01"))
		return false;
	wire_error(out, "ERROR", refused_code, statement->result.refused, refused_hint);
	return true;
}

static bool inspect_server(struct session *session, const char *message, size_t len, bool suspicious, struct str *out)
{
	bool first = !session->answered;

	session->answered = true;
	pending_got(&session->pending, *message);
	if (*message == 'Z' && len > WIRE_HEADER) {
		session->status = message[WIRE_HEADER];
		session->spoken = false;
		session->since_ms = clock_ms();
		slow_ready(&session->slow, session->since_ms);
	} else if (*message == 'S') {
		note_parameter(session, message, len);
	} else if (*message == 'R' && session->server_tls) {
		return without_binding(message, len, out);
	} else if (first && keep_rejection(session, message, len)) {
		return true;
	}
	if (*message == 'E' && !session->status)
		note_turned_away(session, message, len);
	if (*message == 'E' && (explain_spoilt(session, message, len, out) || explain_refused(session, message, len, out) ||
				(!session->status && explain_binding(session, message, len, out))))
		return true;
	if (!result_mappable(*message) || (*message == 'D' && !suspicious))
		return false;
	result_map(session->names, message, len, pending_find(&session->pending), out);
	return true;
}

static bool hold_server(char type, size_t total)
{
	return result_mappable(type) ? total <= HOLD_MOST : type != 'd' && total <= HOLD_SMALL;
}

/* --- framing --- */

struct direction {
	bool to_server;
	bool (*hold)(char type, size_t total);
	bool (*inspect)(struct session *session, const char *message, size_t len, bool suspicious, struct str *out);
};

static const struct direction from_client = { true, hold_client, inspect_client };
static const struct direction from_server = { false, hold_server, inspect_server };

static void emit(struct session *session, const struct direction *direction, const char *data, size_t len)
{
	if (len)
		session->emit(session->arg, direction->to_server, data, len);
}

static void emit_nuls(struct session *session, const struct direction *direction, size_t len)
{
	static const char nuls[4096];

	for (; len > sizeof(nuls); len -= sizeof(nuls))
		emit(session, direction, nuls, sizeof(nuls));
	emit(session, direction, nuls, len);
}

static void spoil(struct session *session, struct stream *stream)
{
	stream->spoilt = session->spoilt = true;
	session->refused++;
}

/* Return: how many bytes of @data belong to a message that streams through, and have gone. */
static size_t pass_on(struct session *session, const struct direction *direction, struct stream *stream, const char *data,
		      size_t len)
{
	size_t pass = stream->skip < len ? (size_t)stream->skip : len;

	if (!stream->spoilt && pass && stream->lookout && lookout_feed(stream->lookout, data, pass))
		spoil(session, stream);
	if (stream->spoilt)
		emit_nuls(session, direction, pass);
	else
		emit(session, direction, data, pass);
	stream->skip -= pass;
	if (!stream->skip && stream->lookout) {
		free(stream->lookout);
		stream->lookout = NULL;
	}
	return pass;
}

/* The names of a Bind, which come first. Return: their length; 0 if they are not there yet. */
static size_t bind_names(const char *message, size_t have)
{
	size_t at = WIRE_HEADER;

	for (int names = 0; names < 2; names++) /* of the portal, of the statement */
		if (!wire_string(message, have, &at))
			return 0;
	return at - WIRE_HEADER;
}

/* Nobody can tell yet whether this message, of which @have bytes are there, may stream. */
static bool undecided(const struct session *session, const struct direction *direction, const char *message, size_t have)
{
	return direction->to_server && *message == 'B' && session->prepared && have < HOLD_SMALL && !bind_names(message, have);
}

/*
 * A message that is not held: its beginning goes with what is before it, the rest by pass_on(). A Bind of a statement
 * that takes names of databases is spoilt behind its names: then the server misses the parameters.
 * Return: the length of that beginning.
 */
static size_t begin_stream(struct session *session, const struct direction *direction, struct stream *stream,
			   const char *message, size_t have, size_t total)
{
	size_t begin = WIRE_HEADER;

	stream->spoilt = false;
	if (direction->to_server)
		pending_sent(&session->pending, *message);
	if (direction->to_server && (*message == 'Q' || *message == 'P')) {
		slow_parse(&session->slow, "", "", 0);
		if (*message == 'Q')
			slow_begin(&session->slow);
		stream->lookout = lookout_open(session->names, !session->escape_strings);
	}
	if (direction->to_server && *message == 'P')
		forget_prepared(session, ""); /* the unnamed one, most likely */
	if (direction->to_server && *message == 'B' && session->prepared) {
		begin += bind_names(message, have);
		if (begin == WIRE_HEADER || find_prepared(session, message + WIRE_HEADER + strlen(message + WIRE_HEADER) + 1))
			spoil(session, stream);
	}
	stream->skip = total - begin;
	return begin;
}

/*
 * Walk over whole messages in @data. Unchanged ones go out in runs.
 * Return: how many bytes are dealt with; what is left is to be passed on, or the beginning of a message to hold. -EPROTO
 */
static ssize_t walk(struct session *session, const struct direction *direction, struct stream *stream, const char *data,
		    size_t len)
{
	bool looked = direction->to_server, suspicious = false;
	cleanup_str struct str changed = { 0 };
	size_t run = 0, at = 0;

	while (len - at >= WIRE_HEADER) {
		size_t total = (size_t)wire_get32(data + at + 1) + 1;

		if (total < WIRE_HEADER || total > MESSAGE_MOST)
			return -EPROTO;
		if (total > len - at) {
			if (!direction->hold(data[at], total) && !undecided(session, direction, data + at, len - at))
				at += begin_stream(session, direction, stream, data + at, len - at, total);
			break;
		}
		if (data[at] == 'D' && !looked) { /* one search for all rows that are here; a COPY needs none */
			suspicious = names_seen(session->names, data + at, len - at);
			looked = true;
		}
		if (direction->inspect(session, data + at, total, suspicious, &changed)) {
			emit(session, direction, data + run, at - run);
			emit(session, direction, changed.text, changed.len);
			changed.len = 0;
			run = at + total;
		}
		at += total;
	}
	emit(session, direction, data + run, at - run);
	return (ssize_t)at;
}

static int feed(struct session *session, const struct direction *direction, struct stream *stream, const char *data,
		size_t len)
{
	size_t pass = pass_on(session, direction, stream, data, len);
	bool joined = stream->held.len;
	ssize_t done;

	data += pass;
	len -= pass;
	if (joined) {
		str_add_len(&stream->held, data, len);
		data = stream->held.text;
		len = stream->held.len;
		if (len >= WIRE_HEADER && (size_t)wire_get32(data + 1) + 1 > len &&
		    direction->hold(*data, wire_get32(data + 1) + 1ull))
			return 0; /* not whole yet: no need to look again */
	}
	done = walk(session, direction, stream, data, len);
	if (done < 0)
		return (int)done;
	done += (ssize_t)pass_on(session, direction, stream, data + done, len - (size_t)done);
	if (!joined) {
		if (len > (size_t)done)
			str_add_len(&stream->held, data + done, len - (size_t)done);
	} else {
		memmove(stream->held.text, stream->held.text + done, len - (size_t)done);
		stream->held.len = len - (size_t)done;
	}
	if (!stream->held.len && stream->held.room > HOLD_KEEP)
		str_free(&stream->held); /* one big statement must not cost memory for ever */
	return 0;
}

int session_from_client(struct session *session, const char *data, size_t len)
{
	session->spoken |= len > 0;
	return feed(session, &from_client, &session->client, data, len);
}

int session_from_server(struct session *session, const char *data, size_t len)
{
	return feed(session, &from_server, &session->server, data, len);
}
