/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_CONNECTION_H
#define BERTH_DB_CONNECTION_H
/*
 * One connection of a client and the one to the server that belongs to it. What the files of the
 * relay share:
 *
 *	relay.c		listens, and owns the list of connections
 *	traffic.c	carries out the events of one connection
 *	handshake.c	decides what happens before the session
 *	connection.c	the object: buffers, deadline, errors for the client, the end
 *
 * Each calls only those below it.
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
};

/* traffic.c has the order of the phases. */
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
	uint32_t events; /* that the loop waits for */
};

struct connection {
	struct connection *next, **at;
	struct relay *relay;
	struct connection_side client, server;
	enum connection_phase phase;
	struct str in;        /* from the client, before the session */
	struct str packet;    /* the first for the server: start-up or cancel */
	struct str rejection; /* the server's, of a connection without TLS; for the client */
	struct session *session;
	struct loop_timer *deadline;
	bool asked_tls, asked_gss; /* the client did */
	bool server_tls;           /* insist on it on the way to the server */
	bool terminated;           /* the client's last message was Terminate */
	bool server_shut;          /* the server knows that nothing more comes */
	bool dead;                 /* to be closed at the end of the event */
};

struct relay {
	struct relay_setup setup;
	struct sockaddr_storage server;
	socklen_t server_len;
	struct tls *tls; /* made by handshake.c when it is first needed */
	struct connection *connections;
	struct loop_timer *pause;
	char *buffer;                 /* for one read, RELAY_READ_BYTES */
	unsigned int server_refusals; /* in a row */
	unsigned int open, max_open;  /* connections to the server */
	int listeners[RELAY_LISTENERS];
	bool offer_tls, no_tls;
};

/** Make a connection of the client at @fd, which it owns. It does not wait for events yet. */
struct connection *connection_open(struct relay *relay, int fd);

/** Close both sides, leave the relay's list and free @conn. */
void connection_close(struct connection *conn);

/** Close the connection after @ms; never if @ms is 0. */
void connection_set_deadline(struct connection *conn, int64_t ms);

/** Begin with the messages of a session; the one before, if there is one, is forgotten. */
void connection_open_session(struct connection *conn);
bool connection_is_idle_in_transaction(const struct connection *conn);

/** Send the client @error, a whole message, as its last one. The server's side is closed. */
void connection_send_last(struct connection *conn, const struct str *error);

/** The same with a FATAL error of our own. @hint may be NULL. */
void connection_refuse(struct connection *conn, const char *sqlstate, const char *message,
                       const char *hint);

/** The server did not let a client in; report many refusals in a row. @why: its words or ours. */
void connection_note_server_refusal(struct connection *conn, const char *why);

/* --- one side --- */

static inline size_t side_waiting(const struct connection_side *side)
{
	return side->out.len - side->out_at;
}

void side_close(struct connection *conn, struct connection_side *side);

/** Send @data, or keep what cannot be sent yet. Before PHASE_LIVE the server's side keeps all. */
void side_send(struct connection *conn, struct connection_side *side, const char *data, size_t len);

/** Send what was kept. */
void side_flush(struct connection *conn, struct connection_side *side);

/* --- handshake.c: before the first message of the session --- */

/** Read the client's start-up packets from conn->in. */
void handshake_from_client(struct connection *conn);

/**
 * Continue TLS with the client, or begin it if the client does. Return: false if the event is none
 * of TLS.
 */
bool handshake_client_tls(struct connection *conn);

/** Continue on the way to the server. Return: false if the connection is past its handshake. */
bool handshake_from_server(struct connection *conn);

/**
 * The server has closed: connect again with TLS, if it let nobody in without.
 * Return: false if the connection is to end.
 */
bool handshake_retry_with_tls(struct connection *conn);

/*
 * --- traffic.c: after an event, and after either of these calls, the connection may be gone ---
 */

/** Serve the client that was accepted at @fd. */
void traffic_begin(struct relay *relay, int fd);

/** Send the client a FATAL error and close the connection. Not during one of its events. */
void traffic_end(struct connection *conn, const char *sqlstate, const char *message);

#endif
