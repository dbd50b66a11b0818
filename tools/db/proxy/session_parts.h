/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_SESSION_PARTS_H
#define BERTH_DB_SESSION_PARTS_H
/*
 * The files of a session share this: session.c finds the messages, session_client.c and
 * session_server.c know what the messages of each side mean. No other file includes this.
 */
#include "tools/base/str.h"
#include "tools/db/sql/mention.h"
#include "tools/db/proxy/rewritten.h"
#include "tools/db/proxy/session.h"

struct session_stream {
	struct str held;           /* the beginning of a message that is held */
	uint64_t skip;             /* bytes of a message that streams through */
	struct mention_scan *scan; /* of a statement that streams; else NULL */
	bool blanked;              /* the rest of the message becomes NULs */
};

struct session {
	struct names *names;
	session_emit_fn emit;
	void *arg;
	struct session_stream client, server;
	char *database; /* the client's, by its logical name; NULL = none */
	struct rewritten_list rewritten;
	char *server_refusal;
	struct slow slow;
	int64_t since_ms;
	char status;          /* of the last ReadyForQuery: I, T, E; 0 before the first */
	bool client_sent;     /* the client has sent something since */
	bool escape_strings;  /* standard_conforming_strings = off */
	struct str rejection; /* session_rejection() */
	bool server_answered;
	bool created; /* session_take_created() */
	bool blanked; /* a statement was, and its error is still to come */
	bool server_tls;
};

/* insufficient_privilege: for a statement that the relay refuses */
#define SESSION_REFUSED_CODE "42501"
#define SESSION_REFUSED_HINT \
	"The server is shared: run with --db-mode private for a server of your own."

/**
 * Inspect a whole message, header included, and note what it says about the session.
 * @may_hold_name	a row from the server may hold a physical name
 * @out		the message that replaces it is appended here
 * Return: true if it is replaced; false if it stays as it is, and @out too.
 */
bool session_inspect_client(struct session *session, const char *message, size_t len,
                            bool may_hold_name, struct str *out);
bool session_inspect_server(struct session *session, const char *message, size_t len,
                            bool may_hold_name, struct str *out);

#endif
