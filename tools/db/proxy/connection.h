/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_CONNECTION_H
#define BERTH_DB_CONNECTION_H
/*
 * What the files of the relay share: the relay (relay.c), its connections (connection.c) and how one begins (handshake.c).
 *
 * A connection is one connection of a client and one to the server. It frees itself: after an event it may be gone.
 */
#include <sys/socket.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/proxy/relay.h"
#include "tools/db/proxy/session.h"
#include "tools/db/proxy/tls.h"

enum {
	RELAY_BACKLOG = 256 << 10,
	RELAY_STARTUP_MS = 60000,
	RELAY_FLUSH_MS = 5000,
	RELAY_LISTENERS = 3,
	RELAY_READ_BYTES = 64 << 10,
	RELAY_REFUSALS_MAX = 10
};

enum connection_phase {
	PHASE_STARTUP,
	PHASE_CLIENT_TLS,
	PHASE_CONNECTING,
	PHASE_ASK_TLS,
	PHASE_SERVER_TLS,
	PHASE_LIVE,
	PHASE_DRAIN,
	PHASE_FLUSH
};

struct connection_side {
	struct tls_channel channel;
	struct str out; /* what could not be written yet: from out_at on */
	size_t out_at;
	uint32_t events; /* as the loop knows them */
};

struct connection {
	struct connection *next, **at;
	struct relay *relay;
	struct connection_side client, server;
	enum connection_phase phase;
	struct str in;     /* of the client, before the session */
	struct str packet; /* what the server gets first: start-up or cancel */
	/* what it said when asked without TLS: the client's, if it knows no TLS */
	struct str rejection;
	struct session *session;
	struct loop_timer *deadline;
	bool asked_tls, asked_gss; /* the client did */
	bool cancels, server_tls, dead;
	bool terminated;  /* the last that the client said was Terminate */
	bool server_shut; /* the server knows that the client says no more */
};

struct relay {
	struct relay_setup setup;
	struct sockaddr_storage server;
	socklen_t server_len;
	struct tls *tls; /* relay_tls() */
	struct connection *connections;
	struct loop_timer *pause;
	char *buffer;
	uint64_t accepted, refused_statements, failed_connects;
	/* in a row, by a server that has no room or is not there; relay_note_refusal() */
	unsigned int server_refusals;
	unsigned int open, max_open; /* connections to the server; connection.c */
	int listeners[RELAY_LISTENERS];
	bool offer_tls, no_tls;
};

/** What TLS needs, made by the first who asks. Return: NULL if this machine has no OpenSSL. */
struct tls *relay_tls(struct relay *relay);

/** The server did not let a client in; @why as it said, or as we know. */
void relay_note_refusal(struct relay *relay, const char *why);

/* --- ends --- */

static inline size_t side_waiting(const struct connection_side *side)
{
	return side->out.len - side->out_at;
}

void side_close(struct relay *relay, struct connection_side *side);

/** Write what waits. Return: false if the peer is gone. */
bool side_flush(struct connection_side *side);

/** Send, or keep what cannot be sent yet. For the server of a connection that is not LIVE yet: keep. */
void side_send(struct connection *conn, struct connection_side *side, const char *data, size_t len);

/* --- connections --- */

/** Begin with a client that was accepted on @fd, which is the connection's from now on. */
void connection_open(struct relay *relay, int fd);
void connection_close(struct connection *conn);
/** Tell the client why it is over, as a server would, and let the server go. */
void connection_say_last(struct connection *conn, const struct str *error); /* a whole message */
void connection_refuse(struct connection *conn, const char *sqlstate, const char *message,
                       const char *hint);
/* the same, from outside of an event */
void connection_end(struct connection *conn, const char *sqlstate, const char *message);
void connection_open_session(struct connection *conn);
void connection_set_deadline(struct connection *conn, int64_t ms); /* 0 = none */
bool connection_is_idle_in_transaction(const struct connection *conn);

/* --- handshake --- */

/** The client's side of the start: all that has come is in conn->in. */
void handshake_from_client(struct connection *conn);

/** The server's side of the start: PHASE_CONNECTING, PHASE_ASK_TLS, PHASE_SERVER_TLS. */
void handshake_from_server(struct connection *conn);

/** The server has closed. Return: true if that is no end, because it is asked again with TLS. */
bool handshake_again_with_tls(struct connection *conn);

#endif
