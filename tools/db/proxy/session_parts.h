/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_SESSION_PARTS_H
#define BERTH_DB_SESSION_PARTS_H
/*
 * What the parts of a session share: session.c walks from message to message, session_client.c and session_server.c know what
 * the messages of each side mean. Nobody else includes this.
 */
#include "tools/base/str.h"
#include "tools/db/sql/mention.h"
#include "tools/db/proxy/rewritten.h"
#include "tools/db/proxy/session.h"

/* a prepared statement with parameters that are database names */
struct session_prepared {
	struct session_prepared *next;
	char *name;
	uint64_t params;
};

struct session_stream {
	struct str held;           /* the beginning of a message that must be whole */
	uint64_t skip;             /* bytes of a message that streams through */
	struct mention_scan *scan; /* of a statement that streams; else NULL */
	bool blanked;              /* it becomes NULs from here on */
};

struct session {
	struct names *names;
	session_emit_fn emit;
	void *arg;
	struct session_stream client, server;
	struct session_prepared *prepared;
	struct rewritten rewritten;
	char *server_refusal;
	struct slow slow;
	uint64_t refused;
	int64_t since_ms;
	char status;          /* of the last ReadyForQuery: I, T, E; 0 before the first */
	bool client_sent;     /* the client has said something since */
	bool escape_strings;  /* standard_conforming_strings = off */
	struct str rejection; /* session_rejection() */
	bool server_answered;
	bool created; /* session_take_created() */
	bool blanked; /* a statement was, and its error is still to come */
	/* our way to the server is encrypted, the client's is another or none */
	bool server_tls;
};

/* Of a statement that is refused in the server's place: insufficient_privilege */
#define SESSION_REFUSED_CODE "42501"
#define SESSION_REFUSED_HINT \
	"The server is shared: run with --db-mode private for a server of your own."

/**
 * Deal with a whole message, header included, and note what it says of the session.
 * @may_hold_name	of a row from the server: it may have a physical name in it
 * @out		what goes on instead is appended here
 * Return: true if it did change; false if the message goes on as it is, and @out is as it was.
 */
bool session_inspect_client(struct session *session, const char *message, size_t len,
                            bool may_hold_name, struct str *out);
bool session_inspect_server(struct session *session, const char *message, size_t len,
                            bool may_hold_name, struct str *out);

/** The prepared statement @name that takes names of databases. Return: NULL if there is none of that name. */
const struct session_prepared *session_find_prepared(const struct session *session,
                                                     const char *name);
void session_forget_prepared(struct session *session, const char *name);

#endif
