/* SPDX-License-Identifier: MIT */
/*
 * Most bytes are never looked at. Each direction goes from message header to message header over
 * what it has just read, and passes on runs of messages as they lie in the buffer. Only a message
 * that may have to change is held until it is whole. Bulk (COPY data, rows beyond HOLD_MAX) streams
 * through.
 *
 * A statement that is too long to be held streams as well, and mention.c searches it for names of
 * databases. When one is found, the rest of the statement becomes NULs. The server then refuses the
 * whole statement, in its turn, and session_server.c replaces the error by one that says why.
 */
#include "tools/db/proxy/session_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/db/proxy/result.h"
#include "tools/db/proxy/wire.h"

enum { HOLD_MAX = 16 << 20, HOLD_KEEP = 256 << 10, HOLD_SMALL = 4096, MESSAGE_MAX = 1 << 30 };

struct session *session_open(struct names *names, const char *database, bool server_tls,
                             session_emit_fn emit, void *arg)
{
	struct session *session = mem_alloc(sizeof(*session));

	*session = (struct session){ .names = names,
		                     .database = str_copy(database),
		                     .emit = emit,
		                     .arg = arg,
		                     .server_tls = server_tls,
		                     /* the first ReadyForQuery ends the start-up */
		                     .rewritten.ready_due = 1 };
	return session;
}

void session_report_slow(struct session *session, int64_t least_ms, slow_fn report, void *arg)
{
	session->slow = (struct slow){ .least_ms = least_ms, .report = report, .arg = arg };
}

void session_free(struct session *session)
{
	if (!session)
		return;
	free(session->database);
	rewritten_free(&session->rewritten);
	free(session->server_refusal);
	str_free(&session->rejection);
	free(session->client.scan);
	str_free(&session->client.held);
	str_free(&session->server.held);
	free(session);
}

bool session_is_idle_in_transaction(const struct session *session)
{
	return (session->status == 'T' || session->status == 'E') && !session->client_sent &&
	       !session->slow.due;
}

bool session_is_admitted(const struct session *session)
{
	return session->status;
}

char *session_take_server_refusal(struct session *session)
{
	return steal(&session->server_refusal);
}

int64_t session_since_ms(const struct session *session)
{
	return session->since_ms;
}

const struct str *session_rejection(const struct session *session)
{
	return session->rejection.len ? &session->rejection : NULL;
}

bool session_take_created(struct session *session)
{
	bool created = session->created;

	session->created = false;
	return created;
}

/* --- framing --- */

struct direction {
	bool to_server;
	bool (*hold)(char type, size_t total);
	bool (*inspect)(struct session *session, const char *message, size_t len,
	                bool may_hold_name, struct str *out);
};

static bool hold_client(char type, size_t total)
{
	return type == 'Q' || type == 'P' || type == 'B' ? total <= HOLD_MAX
	                                                 : type != 'd' && total <= HOLD_SMALL;
}

static bool hold_server(char type, size_t total)
{
	return result_mappable(type) ? total <= HOLD_MAX : type != 'd' && total <= HOLD_SMALL;
}

static const struct direction from_client = { true, hold_client, session_inspect_client };
static const struct direction from_server = { false, hold_server, session_inspect_server };

static void emit(struct session *session, const struct direction *direction, const char *data,
                 size_t len)
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

static void blank_rest(struct session *session, struct session_stream *stream)
{
	stream->blanked = session->blanked = true;
}

/* Pass on the bytes of @data that belong to a message that streams. Return: how many. */
static size_t pass_on(struct session *session, const struct direction *direction,
                      struct session_stream *stream, const char *data, size_t len)
{
	size_t pass = stream->skip < len ? (size_t)stream->skip : len;

	if (!stream->blanked && pass && stream->scan && mention_feed(stream->scan, data, pass))
		blank_rest(session, stream);
	if (stream->blanked)
		emit_nuls(session, direction, pass);
	else
		emit(session, direction, data, pass);
	stream->skip -= pass;
	if (!stream->skip && stream->scan) {
		free(stream->scan);
		stream->scan = NULL;
	}
	return pass;
}

/* Return: the length of the name that the Parse @message begins with; 0 if it is not there yet. */
static size_t name_len(const char *message, size_t have)
{
	size_t at = WIRE_HEADER;

	return wire_string(message, have, &at) ? at - WIRE_HEADER : 0;
}

/* Wait for the name in front of a statement before anything of the message goes on. */
static bool awaits_name(const struct direction *direction, const char *message, size_t have)
{
	return direction->to_server && *message == 'P' && have < HOLD_SMALL &&
	       !name_len(message, have);
}

/*
 * Begin with a message that is not held. Its header and the name of a statement go out with the
 * messages before it, the rest by pass_on().
 * Return: the length of header and name.
 */
static size_t begin_stream(struct session *session, const struct direction *direction,
                           struct session_stream *stream, const char *message, size_t have,
                           size_t total)
{
	size_t begin = WIRE_HEADER;

	stream->blanked = false;
	if (direction->to_server)
		rewritten_sent(&session->rewritten, *message);
	if (direction->to_server && (*message == 'Q' || *message == 'P')) {
		slow_parse(&session->slow, "", "", 0);
		if (*message == 'Q')
			slow_begin(&session->slow);
		stream->scan = mention_open(session->names, !session->escape_strings);
	}
	if (direction->to_server && *message == 'P') {
		size_t len = name_len(message, have);

		begin += len;
		if (!len)
			blank_rest(session, stream);
	}
	stream->skip = total - begin;
	return begin;
}

/*
 * Inspect the whole messages in @data. Unchanged messages go out in runs.
 * Return: how many bytes are done; -EPROTO. The rest belongs to a message that streams, or begins
 * one that is held.
 */
static ssize_t walk(struct session *session, const struct direction *direction,
                    struct session_stream *stream, const char *data, size_t len)
{
	bool looked = direction->to_server, may_hold_name = false;
	cleanup_str struct str changed = { 0 };
	size_t run = 0, at = 0;

	while (len - at >= WIRE_HEADER) {
		size_t total = (size_t)wire_get32(data + at + 1) + 1;

		if (total < WIRE_HEADER || total > MESSAGE_MAX)
			return -EPROTO;
		if (total > len - at) {
			if (!direction->hold(data[at], total) &&
			    !awaits_name(direction, data + at, len - at))
				at += begin_stream(session, direction, stream, data + at, len - at,
				                   total);
			break;
		}
		/* one search for all rows in @data */
		if (data[at] == 'D' && !looked) {
			may_hold_name = names_has_suffix(session->names, data + at, len - at);
			looked = true;
		}
		if (direction->inspect(session, data + at, total, may_hold_name, &changed)) {
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

static int feed(struct session *session, const struct direction *direction,
                struct session_stream *stream, const char *data, size_t len)
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
			return 0; /* not whole yet */
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
	if (!stream->held.len && stream->held.capacity > HOLD_KEEP)
		str_free(&stream->held);
	return 0;
}

int session_from_client(struct session *session, const char *data, size_t len)
{
	session->client_sent |= len > 0;
	return feed(session, &from_client, &session->client, data, len);
}

int session_from_server(struct session *session, const char *data, size_t len)
{
	return feed(session, &from_server, &session->server, data, len);
}
