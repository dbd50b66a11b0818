/* SPDX-License-Identifier: MIT */
/*
 * Messages of the server: rows and errors get logical names, and the state of the session is noted.
 * Some errors are replaced, because the server complains of bytes that the client has not sent.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/db/proxy/result.h"
#include "tools/db/proxy/session_parts.h"
#include "tools/db/proxy/wire.h"

static void note_parameter(struct session *session, const char *message, size_t len)
{
	static const char name[] = "standard_conforming_strings";
	size_t at = WIRE_HEADER;
	const char *key = wire_string(message, len, &at),
		   *value = key ? wire_string(message, len, &at) : NULL;

	if (value && !strcmp(key, name))
		session->escape_strings = !strcmp(value, "off");
}

/*
 * AuthenticationSASL: over TLS the server offers channel binding, which covers its certificate. The
 * client sees another one, or none. Without the offer, a client without TLS continues as usual.
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

/* An error instead of a session: insufficient resources (53), operator intervention (57P). */
static void note_server_refusal(struct session *session, const char *message, size_t len)
{
	const char *state = wire_error_field(message, len, 'C'),
		   *text = wire_error_field(message, len, 'M');

	if (!state || !text || (!str_starts(state, "53") && !str_starts(state, "57P")))
		return;
	free(session->server_refusal);
	session->server_refusal = str_copy(text);
}

static bool error_has(const char *message, size_t len, const char *field)
{
	return *message == 'E' && memmem(message, len, field, strlen(field) + 1);
}

/* "invalid message format" (08P01) about a statement that was blanked */
static bool explain_blanked(struct session *session, const char *message, size_t len,
                            struct str *out)
{
	if (!session->blanked || !error_has(message, len, "C08P01"))
		return false;
	session->blanked = false;
	wire_error(out, "ERROR", "54000", rewrite_refusal_text(REFUSAL_LONG),
	           "Berth's relay reads statements up to 16 MB: send it by itself, or run with "
	           "--db-mode private.");
	return true;
}

/*
 * No line of pg_hba.conf lets the client in; one for TLS only may. The message is in the server's
 * language, but these fields are not.
 */
static bool keep_rejection(struct session *session, const char *message, size_t len)
{
	if (session->server_tls || !error_has(message, len, "C28000") ||
	    !error_has(message, len, "RClientAuthentication"))
		return false;
	result_map(session->names, message, len, NULL, &session->rejection);
	return true;
}

/*
 * A client that supports channel binding and was not offered it says so, and the server takes this
 * for an attack. The relay cannot change the client's words, because the proof covers them.
 */
static bool explain_binding(const struct session *session, const char *message, size_t len,
                            struct str *out)
{
	if (!session->server_tls || !error_has(message, len, "Rread_client_first_message"))
		return false;
	wire_error(out, "FATAL", "28000",
	           "SCRAM channel binding cannot pass Berth's relay, where the client's TLS ends",
	           "Connect with channel_binding=disable (PGCHANNELBINDING=disable), or with "
	           "sslmode=prefer: the relay's own way "
	           "to the server is encrypted either way.");
	return true;
}

/* The statement in a refused one's place takes no parameters: the server may complain of these. */
static bool explain_refused(const struct session *session, const char *message, size_t len,
                            struct str *out)
{
	const struct rewritten_statement *statement = rewritten_find(&session->rewritten);

	if (!statement || !statement->result.refusal || !error_has(message, len, "C08P01"))
		return false;
	wire_error(out, "ERROR", SESSION_REFUSED_CODE,
	           rewrite_refusal_text(statement->result.refusal), SESSION_REFUSED_HINT);
	return true;
}

bool session_inspect_server(struct session *session, const char *message, size_t len,
                            bool may_hold_name, struct str *out)
{
	static const char created[] = "CREATE DATABASE";
	bool first = !session->server_answered;

	session->server_answered = true;
	rewritten_got(&session->rewritten, *message);
	if (*message == 'Z' && len > WIRE_HEADER) {
		session->status = message[WIRE_HEADER];
		session->client_sent = false;
		session->since_ms = clock_ms();
		slow_ready(&session->slow, session->since_ms);
	} else if (*message == 'S') {
		note_parameter(session, message, len);
	} else if (*message == 'C') {
		session->created |= len == WIRE_HEADER + sizeof(created) &&
		                    !memcmp(message + WIRE_HEADER, created, sizeof(created));
	} else if (*message == 'G' && session->rewritten.by_sync) {
		slow_unanswered(&session->slow);
	} else if (*message == 'R' && session->server_tls) {
		return without_binding(message, len, out);
	} else if (first && keep_rejection(session, message, len)) {
		return true;
	}
	if (*message == 'E' && !session->status)
		note_server_refusal(session, message, len);
	if (*message == 'E' && (explain_blanked(session, message, len, out) ||
	                        explain_refused(session, message, len, out) ||
	                        (!session->status && explain_binding(session, message, len, out))))
		return true;
	if (!result_mappable(*message) || (*message == 'D' && !may_hold_name))
		return false;
	result_map(session->names, message, len, rewritten_find(&session->rewritten), out);
	return true;
}
