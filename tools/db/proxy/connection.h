/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_LINK_H
#define BERTH_DB_LINK_H
/*
 * What the files of the relay share: the relay (relay.c), its links (link.c) and how one begins (greeting.c).
 *
 * A link is one connection of a client and one to the server. It frees itself: after an event it may be gone.
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
	RELAY_TURNED_AWAY = 10
};

enum phase { STARTUP, CLIENT_TLS, CONNECTING, ASK_TLS, SERVER_TLS, LIVE, DRAIN, FLUSH };

struct end {
	struct tls_channel channel;
	struct str out; /* what could not be written yet: from out_at on */
	size_t out_at;
	uint32_t events; /* as the loop knows them */
};

struct link {
	struct link *next, **at;
	struct relay *relay;
	struct end client, server;
	enum phase phase;
	struct str in;     /* of the client, before the session */
	struct str packet; /* what the server gets first: start-up or cancel */
	/* what it said when asked without TLS: the client's, if it knows no TLS */
	struct str rejection;
	struct session *session;
	struct loop_timer *deadline;
	bool asked_tls, asked_gss; /* the client did */
	bool cancels, server_tls, dead;
	bool terminated; /* the last that the client said was Terminate */
	bool told_end;   /* the server knows that the client says no more */
};

struct relay {
	struct relay_setup setup;
	struct sockaddr_storage server;
	socklen_t server_len;
	struct tls *tls; /* relay_tls() */
	struct link *links;
	struct loop_timer *pause;
	char *buffer;
	uint64_t accepted, refused_statements, failed_connects;
	/* in a row, by a server that has no room or is not there; relay_turn_away() */
	unsigned int turned_away;
	unsigned int open, most_open; /* links to the server; link.c */
	int listeners[RELAY_LISTENERS];
	bool offer_tls, no_tls;
};

/** What TLS needs, made by the first who asks. Return: NULL if this machine has no OpenSSL. */
struct tls *relay_tls(struct relay *relay);

/** The server did not let a client in; @why as it said, or as we know. */
void relay_turn_away(struct relay *relay, const char *why);

/* --- ends --- */

static inline size_t end_waiting(const struct end *end)
{
	return end->out.len - end->out_at;
}

void end_close(struct relay *relay, struct end *end);

/** Write what waits. Return: false if the peer is gone. */
bool end_flush(struct end *end);

/** Send, or keep what cannot be sent yet. For the server of a link that is not LIVE yet: keep. */
void end_send(struct link *link, struct end *end, const char *data, size_t len);

/* --- links --- */

/** Begin with a client that was accepted on @fd, which is the link's from now on. */
void link_open(struct relay *relay, int fd);
void link_close(struct link *link);
/** Tell the client why it is over, as a server would, and let the server go. */
void link_say_last(struct link *link, const struct str *error); /* a whole message */
void link_refuse(struct link *link, const char *sqlstate, const char *message, const char *hint);
/* the same, from outside of an event */
void link_end(struct link *link, const char *sqlstate, const char *message);
void link_open_session(struct link *link);
void link_set_deadline(struct link *link, int64_t ms); /* 0 = none */
bool link_is_idle_in_transaction(const struct link *link);

/* --- greeting --- */

/** The client's side of the start: all that has come is in link->in. */
void greeting_from_client(struct link *link);

/** The server's side of the start: CONNECTING, ASK_TLS, SERVER_TLS. */
void greeting_from_server(struct link *link);

/** The server has closed. Return: true if that is no end, because it is asked again with TLS. */
bool greeting_again_with_tls(struct link *link);

#endif
